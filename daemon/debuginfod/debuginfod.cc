#include "daemon/debuginfod/debuginfod.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "daemon/debuginfod/addresses.h"
#include "symbolizer/client/proc_usage.h"

namespace pprofd {

namespace {

using debuginfod::ServerAnswer;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStep{1'000};    // between looks at deadlines
constexpr milliseconds kIdleFor{5'000}; // then the process goes
constexpr size_t kMostTroubles = 16;
constexpr size_t kMostArrived = 4096;

bool any(const Fetched& fetched, ServerAnswer::Kind kind) {
  return std::ranges::any_of(fetched.answers,
                             [kind](const ServerAnswer& answer) { return answer.kind() == kind; });
}

} // namespace

std::unique_ptr<Debuginfod> Debuginfod::create(const DebuginfodOptions& options) {
  return options.choice.servers.empty() ? nullptr
                                        : std::unique_ptr<Debuginfod>(new Debuginfod(options));
}

Debuginfod::Debuginfod(const DebuginfodOptions& options)
    : options_(options), files_(options.cache_folder), servers_(options.choice.servers),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), link_(options.program) {
  options_.fetches = options_.fetches && wake_;
  if (options_.fetches)
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Debuginfod::~Debuginfod() {
  thread_.request_stop();
  wake();
}

void Debuginfod::wake() const {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

Debuginfod::Answer Debuginfod::find(const std::string& build_id) {
  if (!is_build_id(build_id))
    return {};
  std::unique_lock lock(mutex_);
  if (Fd file = files_.find(build_id))
    return {.file = std::move(file)};
  const auto now = steady_clock::now();
  if (!options_.fetches || absences_.holds(build_id, now))
    return {};
  if (!wanted_.contains(build_id)) {
    if (wanted_.size() >= kMostWanted || servers_.ready(now).empty())
      return {};
    wanted_.insert(build_id);
    queue_.push_back(build_id);
    wake();
  }
  if (options_.choice.patience.count() == 0 || waited_in_vain_)
    return {.file = {}, .pending = true};
  waited_in_vain_ = !changed_.wait_for(lock, options_.choice.patience,
                                       [&] { return !wanted_.contains(build_id); });
  if (waited_in_vain_)
    tell_late();
  return {.file = files_.find(build_id), .pending = waited_in_vain_};
}

void Debuginfod::tell_late() {
  tell({"wait for debuginfod servers",
        fmt::format("{} file(s) had not come in time", wanted_.size()),
        "give them longer with --debuginfod-wait"});
}

void Debuginfod::tell(Error trouble) {
  if (troubles_.size() < kMostTroubles)
    troubles_.push_back(std::move(trouble));
}

bool Debuginfod::may_come(const std::string& build_id) const {
  const std::scoped_lock lock(mutex_);
  return options_.fetches && is_build_id(build_id) &&
         !absences_.holds(build_id, steady_clock::now());
}

void Debuginfod::reject(const std::string& build_id) {
  const std::scoped_lock lock(mutex_);
  files_.drop(build_id);
  const auto now = steady_clock::now();
  absences_.note(build_id, now);
  ++counts_.other_build;
  if (rejected_ && now < *rejected_ + DebugServers::kQuiet)
    return;
  rejected_ = now;
  tell({"debug information of build id " + build_id,
        "what a debuginfod server gave is another file, or damaged", ""});
}

void Debuginfod::set_arrival(std::function<void()> arrival) {
  const std::scoped_lock lock(mutex_);
  arrival_ = std::move(arrival);
}

std::vector<std::string> Debuginfod::take_arrived() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(arrived_, {});
}

void Debuginfod::finish(steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, until, [this] { return wanted_.empty(); }))
    tell_late();
}

std::vector<Error> Debuginfod::take_troubles() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(troubles_, {});
}

DebuginfodFigures Debuginfod::figures() const {
  const std::scoped_lock lock(mutex_);
  DebuginfodFigures figures = counts_;
  if (pid_ != 0) {
    const auto usage = symbolizer::read_usage(pid_);
    figures.cpu_time += usage.cpu_time;
    figures.anonymous_bytes = usage.anonymous_bytes;
  }
  return figures;
}

void Debuginfod::run(const std::stop_token& stop) {
  auto busy = steady_clock::now();
  while (!stop.stop_requested()) {
    send_wanted();
    const auto now = steady_clock::now();
    if (!link_.idle())
      busy = now;
    else if (link_.pid() != 0 && now - busy >= kIdleFor)
      link_.rest();
    {
      const std::scoped_lock lock(mutex_);
      pid_ = link_.pid();
      counts_.cpu_time = link_.ended_cpu_time();
      counts_.restarts = link_.restarts();
    }
    const milliseconds at_most = link_.pid() != 0 ? kStep : milliseconds(-1);
    for (Fetched& fetched : link_.wait(wake_.get(), at_most))
      settle(std::move(fetched));
    uint64_t woken = 0;
    (void)!::read(wake_.get(), &woken, sizeof woken);
  }
}

void Debuginfod::send_wanted() {
  while (link_.has_room()) {
    std::string build_id;
    {
      const std::scoped_lock lock(mutex_);
      if (queue_.empty())
        return;
      build_id = std::move(queue_.front());
      queue_.pop_front();
    }
    send_one(build_id);
  }
}

void Debuginfod::send_one(const std::string& build_id) {
  std::vector<std::string> addresses;
  std::vector<size_t> asked;
  auto draft = [&] {
    const std::scoped_lock lock(mutex_);
    asked = servers_.ready(steady_clock::now());
    for (const size_t index : asked)
      addresses.push_back(servers_.address(index));
    return asked.empty() ? Result<FetchedFiles::Draft>(fail("fetch", "no server answers"))
                         : files_.begin();
  }();
  if (!draft || !link_.send(build_id, std::move(asked), addresses, std::move(*draft)))
    give_up(build_id);
}

// It may be asked for again.
void Debuginfod::give_up(const std::string& build_id) {
  const std::scoped_lock lock(mutex_);
  wanted_.erase(build_id);
  ++counts_.failed;
  changed_.notify_all();
}

void Debuginfod::settle(Fetched fetched) {
  const std::scoped_lock lock(mutex_);
  if (fetched.draft && fetched.size != 0 && any(fetched, ServerAnswer::FOUND)) {
    const auto kept = files_.keep(std::move(*fetched.draft), fetched.size, fetched.build_id);
    if (kept)
      announce(fetched);
    else
      fetched.answers.clear();
  }
  judge(fetched);
  wanted_.erase(fetched.build_id);
  changed_.notify_all();
}

void Debuginfod::announce(const Fetched& fetched) {
  counts_.bytes += fetched.size;
  if (arrived_.size() < kMostArrived)
    arrived_.push_back(fetched.build_id);
  if (arrival_)
    arrival_();
}

void Debuginfod::judge(const Fetched& fetched) {
  const auto now = steady_clock::now();
  for (size_t at = 0; at < fetched.answers.size(); ++at)
    if (auto told = servers_.answered(fetched.asked.at(at), fetched.answers.at(at), now))
      tell(std::move(*told));
  if (any(fetched, ServerAnswer::FOUND)) {
    ++counts_.found;
    return;
  }
  const bool all_asked = fetched.answers.size() == servers_.size();
  if (any(fetched, ServerAnswer::UNUSABLE))
    ++counts_.unusable;
  else if (any(fetched, ServerAnswer::FAILED) || fetched.answers.empty())
    ++counts_.failed;
  else
    ++counts_.missing;
  // One that did not answer, or was left alone, may have it. What ends the process is left alone.
  if (fetched.answers.empty() || (all_asked && !any(fetched, ServerAnswer::FAILED)))
    absences_.note(fetched.build_id, now);
}

} // namespace pprofd
