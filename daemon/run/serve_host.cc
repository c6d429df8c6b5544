#include "daemon/run/serve_host.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "daemon/serve/link/counted_samples.h"
#include "daemon/serve/process/serve_main.h"
#include "daemon/ship/process/ship_main.h"
#include "symbolizer/client/proc_usage.h"

namespace pprofd {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kProgram = "/proc/self/exe";
constexpr size_t kMostUnstored = size_t{16} << 20;
constexpr milliseconds kPutPatience{3'000}; // for the store
constexpr std::chrono::seconds kConfiguredWithin{30};
constexpr milliseconds kShortestPause{500};
constexpr milliseconds kLongestPause{30'000};
constexpr milliseconds kLongLife{60'000}; // after which an end is no sign of the next one
constexpr milliseconds kToDie{1'000};     // after SIGKILL
constexpr unsigned kMostEnds = 3;         // over one profile
constexpr size_t kLongestText = 1000;     // of what the process says

Error error_of(const serve::Failure& failure) {
  const auto cut = [](const std::string& text) { return text.substr(0, kLongestText); };
  return {cut(failure.what()), cut(failure.why()), cut(failure.hint())};
}

} // namespace

ServeHost::Kind ServeHost::serve_kind() {
  return {.name = serve::kServeName,
          .argument = serve::kServeArgument,
          .title = "the process for the network",
          .task = "store a profile",
          .patience = kPutPatience};
}

// What it does not take at once is not worth making the store wait for.
ServeHost::Kind ServeHost::ship_kind() {
  return {.name = ship::kShipName,
          .argument = ship::kShipArgument,
          .title = "the process that ships",
          .task = "ship a profile",
          .patience = milliseconds(0)};
}

ServeHost::ServeHost(std::vector<Fd> listeners, Fd events, Log& log, Kind kind)
    : listeners_(std::move(listeners)), events_(std::move(events)), log_(&log),
      kind_(std::move(kind)), ids_(std::random_device()()) {}

ServeHost::~ServeHost() {
  if (running_ == nullptr)
    return;
  running_->process.kill();
  (void)running_->process.reap(kToDie);
}

Result<std::unique_ptr<ServeHost>> ServeHost::create(std::vector<Fd> listeners, Log& log,
                                                     Kind kind) {
  Fd events(::epoll_create1(EPOLL_CLOEXEC));
  if (!events)
    return fail_errno("wait for several things", errno);
  return std::unique_ptr<ServeHost>(
      new ServeHost(std::move(listeners), std::move(events), log, std::move(kind)));
}

void ServeHost::configure(serve::Configuration configuration, Configured done) {
  wanted_ = std::move(configuration);
  configured_ = std::move(done);
  wanted_until_ = steady_clock::now() + kConfiguredWithin;
  refusal_.reset();
  if (running_ == nullptr) {
    next_start_ = {};
    return;
  }
  running_->unanswered++;
  serve::ToServe message;
  *message.mutable_configuration() = *wanted_;
  const std::scoped_lock lock(mutex_);
  send(message);
}

Result<void> ServeHost::configure_and_wait(serve::Configuration configuration) {
  std::optional<Result<void>> answer;
  configure(std::move(configuration), [&answer](const Result<void>& done) { answer = done; });
  tick();
  while (!answer) {
    pollfd entry{.fd = fd(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, 100);
    tick();
  }
  return *answer;
}

Result<void> ServeHost::spawn(const serve::Configuration& configuration) {
  auto ends = serve::Link::pair();
  if (!ends)
    return std::unexpected(ends.error());
  std::vector<int> descriptors{ends->second.fd()};
  for (const Fd& listener : listeners_)
    descriptors.push_back(listener.get());
  auto process = symbolizer::start_child(kProgram, kind_.name, kind_.argument, descriptors);
  if (!process)
    return std::unexpected(process.error());
  const std::scoped_lock lock(mutex_);
  running_ = std::make_unique<Running>(Running{.process = std::move(*process),
                                               .link = std::move(ends->first),
                                               .started = steady_clock::now(),
                                               .on_trial = wanted_.has_value(),
                                               .stored = {}});
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, running_->link.fd(), &event) != 0)
    return fail_errno("wait for " + kind_.title, errno);
  serve::ToServe first;
  *first.mutable_configuration() = configuration;
  send(first);
  for (const Sent& each : unstored_)
    send(each.message);
  return {};
}

Result<void> ServeHost::put(serve::WindowProfile profile) {
  serve::ToServe message;
  *message.mutable_profile() = std::move(profile);
  std::unique_lock lock(mutex_);
  // It is waited for once, and again when it has stored something: windows come all the time.
  const auto deadline = steady_clock::now() + (keeps_up_ ? kind_.patience : milliseconds(0));
  message.mutable_profile()->set_id((ids_() >> 1) | 1);
  const size_t bytes = message.ByteSizeLong();
  const auto has_room = [&] {
    return unstored_.empty() || unstored_bytes_ + bytes <= kMostUnstored;
  };
  keeps_up_ = room_.wait_until(lock, deadline, has_room);
  if (!keeps_up_)
    return fail(kind_.task, kind_.title + " does not keep up");
  unstored_bytes_ += bytes;
  unstored_.push_back({std::move(message), bytes});
  send(unstored_.back().message);
  return {};
}

// A link that is broken is seen by tick().
void ServeHost::send(const serve::ToServe& message) {
  if (running_ == nullptr)
    return;
  (void)running_->link.send(message);
  watch();
}

void ServeHost::watch() {
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (running_->link.unsent() != 0)
    event.events |= EPOLLOUT;
  ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, running_->link.fd(), &event);
}

// False: the process has closed its end, or what it sends makes no sense.
bool ServeHost::receive(std::vector<serve::ToDaemon>& messages) {
  (void)running_->link.flush();
  watch();
  const auto open = running_->link.fill();
  for (;;) {
    serve::ToDaemon message;
    const auto got = running_->link.next(message);
    if (!got)
      return false;
    if (!*got)
      return open && *open;
    if (message.has_stored())
      take_stored(message.stored());
    else
      messages.push_back(std::move(message));
  }
}

void ServeHost::take_stored(const serve::Stored& stored) {
  serve::Stored& before = running_->stored;
  const uint64_t most = before.profiles() + unstored_.size();
  const uint64_t done = std::clamp(stored.profiles(), before.profiles(), most);
  uint64_t samples = 0;
  for (uint64_t i = before.profiles(); i < done; ++i) {
    samples += serve::counted_samples(unstored_.front().message.profile());
    drop_first();
    ends_without_progress_ = 0;
    keeps_up_ = true;
  }
  const auto came = [](uint64_t was, uint64_t is, uint64_t at_most) {
    return std::min(is - std::min(was, is), at_most);
  };
  counts_.failed += came(before.failed(), stored.failed(), done - before.profiles());
  const uint64_t failed = came(before.failed_samples(), stored.failed_samples(), samples);
  counts_.samples_failed += failed;
  counts_.samples_stored += samples - failed;
  before = stored;
  before.set_profiles(done);
}

void ServeHost::give_up_first() {
  ++counts_.failed;
  ++counts_.given_up;
  counts_.samples_failed += serve::counted_samples(unstored_.front().message.profile());
  drop_first();
}

void ServeHost::drop_first() {
  unstored_bytes_ -= unstored_.front().bytes;
  unstored_.pop_front();
  room_.notify_all();
}

void ServeHost::tick() {
  std::vector<serve::ToDaemon> messages;
  bool alive = false;
  {
    const std::scoped_lock lock(mutex_);
    alive = running_ != nullptr && receive(messages);
  }
  for (const serve::ToDaemon& message : messages)
    dispatch(message);
  const bool late = wanted_ && steady_clock::now() >= wanted_until_;
  if (late)
    settle(fail("start " + kind_.title, "it was not ready within 30 s"));
  if (running_ != nullptr && (late || !alive))
    end_process();
  if (running_ == nullptr && !finishing_ && steady_clock::now() >= next_start_)
    start_process();
}

void ServeHost::start_process() {
  const auto& configuration = wanted_ ? wanted_ : configuration_;
  if (!configuration)
    return;
  const auto spawned = spawn(*configuration);
  if (spawned)
    return;
  next_start_ = steady_clock::now() + kLongestPause;
  if (wanted_)
    return settle(spawned);
  log_->error(kind_.title + " was not started again", spawned.error());
}

// It may have closed its end only.
void ServeHost::end_process() {
  running_->process.kill();
  const auto end = running_->process.reap(kToDie);
  ended(end.value_or(symbolizer::ProcessEnd{.text = "does not end"}));
}

void ServeHost::settle(const Result<void>& done) {
  if (done)
    configuration_ = std::move(wanted_);
  wanted_.reset();
  if (const Configured configured = std::exchange(configured_, nullptr))
    configured(done);
}

// What a process says while configurations are on their way to it is not of the last one.
void ServeHost::take_verdict(const Result<void>& verdict) {
  running_->unanswered -= std::min<size_t>(running_->unanswered, 1);
  if (running_->unanswered != 0)
    return;
  if (!wanted_) {
    if (!verdict)
      log_->error(kind_.title + " has trouble", verdict.error());
  } else if (!verdict && running_->on_trial) {
    refusal_ = verdict.error(); // and ends
  } else {
    running_->on_trial = false;
    settle(verdict);
  }
}

// The next one begins with the configuration that is wanted, or, where the process has ended over
// that, with the one before.
void ServeHost::ended(const symbolizer::ProcessEnd& end) {
  const auto now = steady_clock::now();
  const bool on_trial = running_->on_trial;
  const bool expected = wanted_ || on_trial || finishing_;
  {
    const std::scoped_lock lock(mutex_);
    const bool lived = now - running_->started >= kLongLife;
    pause_ = lived ? kShortestPause : std::clamp(2 * pause_, kShortestPause, kLongestPause);
    next_start_ = expected ? now : now + pause_;
    counts_.cpu_time += end.cpu_time;
    running_.reset();
    if (!expected) {
      ++counts_.restarts;
      if (!unstored_.empty() && ++ends_without_progress_ >= kMostEnds) {
        ends_without_progress_ = 0;
        give_up_first();
      }
    }
  }
  if (!expected)
    log_->warning(kind_.title + " ended and is started again", {{"end", end.text}});
  else if (wanted_ && on_trial)
    settle(std::unexpected(refusal_.value_or(Error{"start " + kind_.title, "it ended", ""})));
}

void ServeHost::dispatch(const serve::ToDaemon& message) {
  const auto call = [](const auto& function, const auto& argument) {
    if (function)
      function(argument);
  };
  switch (message.message_case()) {
  case serve::ToDaemon::kReady:
    return take_verdict({});
  case serve::ToDaemon::kRefused:
    return take_verdict(std::unexpected(error_of(message.refused())));
  case serve::ToDaemon::kProfile:
    return call(calls_.profile, message.profile());
  case serve::ToDaemon::kCancel:
    return call(calls_.cancel, message.cancel());
  case serve::ToDaemon::kDaemonMetrics:
    return call(calls_.metrics, message.daemon_metrics());
  case serve::ToDaemon::kReload:
    return call(calls_.reload, message.reload());
  case serve::ToDaemon::kShipping:
    return call(calls_.shipping, message.shipping());
  case serve::ToDaemon::kFailure:
    return log_->error(kind_.title + " has trouble", error_of(message.failure()));
  default:
    return;
  }
}

void ServeHost::answer(serve::Answer answer) {
  serve::ToServe message;
  *message.mutable_answer() = std::move(answer);
  const std::scoped_lock lock(mutex_);
  send(message);
}

void ServeHost::send_metrics(serve::ProcessMetrics metrics) {
  serve::ToServe message;
  *message.mutable_metrics() = std::move(metrics);
  const std::scoped_lock lock(mutex_);
  send(message);
}

void ServeHost::send_event(serve::Event event) {
  serve::ToServe message;
  *message.mutable_event() = std::move(event);
  const std::scoped_lock lock(mutex_);
  send(message);
}

bool ServeHost::finish(milliseconds at_most) {
  const auto deadline = steady_clock::now() + at_most;
  const auto all_stored = [this] {
    const std::scoped_lock lock(mutex_);
    return unstored_.empty();
  };
  // One that ended a moment ago is started again for what it has not stored.
  while (!all_stored() && steady_clock::now() < deadline) {
    pollfd entry{.fd = fd(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, 20);
    tick();
  }
  finishing_ = true;
  serve::ToServe stop;
  stop.set_stop(true);
  {
    const std::scoped_lock lock(mutex_);
    send(stop);
  }
  while (running_ != nullptr && steady_clock::now() < deadline + kToDie) {
    pollfd entry{.fd = fd(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, 20);
    tick();
  }
  return all_stored();
}

ServeHost::Figures ServeHost::figures() const {
  const std::scoped_lock lock(mutex_);
  Figures figures = counts_;
  if (running_ == nullptr)
    return figures;
  const auto usage = symbolizer::read_usage(running_->process.pid());
  figures.cpu_time += usage.cpu_time;
  figures.anonymous_bytes = usage.anonymous_bytes;
  return figures;
}

} // namespace pprofd
