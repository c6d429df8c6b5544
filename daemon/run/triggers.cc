#include "daemon/run/triggers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "daemon/process/deleted.h"
#include "daemon/process/glob_match.h"
#include "daemon/run/sink_profile.h"
#include "symbolizer/base/clock.h"

namespace pprofd {

namespace {

// Of limits.cpu, for the processes that take profiles. Counted over time: one may overdraw it.
constexpr double kCpuShare = 0.25;
constexpr std::chrono::hours kInAdvance{1};
// A death is looked at when the last samples have come, and those wait for at most so many others.
constexpr std::chrono::seconds kAfterDeath{1};
constexpr size_t kMostDeaths = 1000;
constexpr std::chrono::milliseconds kFinishTick{20};

std::vector<ProcessPredicate> globs_of(const std::vector<std::string>& texts) {
  std::vector<ProcessPredicate> globs;
  for (const std::string& text : texts)
    if (auto glob = match_glob(text))
      globs.push_back(std::move(*glob));
  return globs;
}

} // namespace

Triggers::Triggers(Log& log, Show show)
    : log_(&log), show_(std::move(show)), machine_(describe_machine()),
      own_program_(without_deleted(ProcFs().exe(::getpid()).value_or(""))),
      watch_(std::make_unique<TriggerWatch>(TriggerWatch::Options())) {}

Result<std::unique_ptr<Triggers>> Triggers::create(Log& log, Show show) {
  std::unique_ptr<Triggers> made(new Triggers(log, std::move(show)));
  auto taker = ProfileTaker::create(
      [triggers = made.get()](const serve::Answer& answer) { triggers->taken(answer); });
  if (!taker)
    return std::unexpected(taker.error());
  made->taker_ = std::make_unique<ProfileTaker>(std::move(*taker));
  return made;
}

void Triggers::attach(Collector& collector, KernelNames& kernel, ProfileQueue& queue) {
  collector_ = &collector;
  kernel_ = &kernel;
  queue_ = &queue;
}

void Triggers::configure(const ServiceConfig& config) {
  labels_ = config.labels;
  request_.Clear();
  fill_in(request_, config);
  is_target_ = config.target();
  cpu_share_ = config.cpu_limit * kCpuShare;
  if (std::exchange(config_, config.triggers) != config.triggers)
    watch_anew();
}

void Triggers::watch_anew() {
  TriggerWatch::Options options{.rules = {},
                                .ranges = config_.ranges,
                                .history = config_.history,
                                .every = config_.profile.every,
                                .most_an_hour = config_.most_an_hour};
  bool run_queue = config_.ranges;
  matches_.clear();
  for (const TriggerRule& rule : config_.rules) {
    options.rules.push_back({rule.when, rule.profile.every});
    matches_.push_back(globs_of(rule.match));
    run_queue = run_queue || rule.when.metric == TriggerMetric::kRunQueue;
  }
  suppressed_ += watch_->suppressed();
  deaths_bound_ = RateBound(config_.most_an_hour, std::chrono::hours(1));
  watch_ = std::make_unique<TriggerWatch>(std::move(options));
  round_.reset();
  if (!config_.reads())
    return;
  round_ = std::make_unique<ReadingRound>(
      ProcFs(), config_.interval, run_queue,
      ReadingRound::Calls{.list = [this] { return candidates(); },
                          .each = [this](const auto& candidate, const TriggerReading& reading,
                                         auto now) { read(candidate, reading, now); },
                          .end = [this] { watch_->end_round(); }});
}

void Triggers::tick(std::chrono::nanoseconds at_most, bool may_take) {
  taker_->tick();
  may_take_ = may_take && keeps_to_share();
  if (round_ != nullptr)
    round_->step(at_most);
  look_at_deaths();
  write_past();
}

void Triggers::finish(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  taker_->hurry();
  while ((taker_->under_way() != 0 || !kept_.empty()) &&
         std::chrono::steady_clock::now() < deadline) {
    collector_->wait_for_work(fd(), kFinishTick);
    collector_->tick();
    taker_->tick();
    write_past();
  }
}

bool Triggers::keeps_to_share() const {
  const auto counted = std::chrono::steady_clock::now() - began_ + kInAdvance;
  return cpu_time() <= std::chrono::duration<double>(counted) * cpu_share_;
}

std::vector<bool> Triggers::rules_of(const Process& process) const {
  std::vector<bool> concerns;
  concerns.reserve(matches_.size());
  for (const auto& globs : matches_)
    concerns.push_back(globs.empty() || std::ranges::any_of(globs, [&](const auto& matches) {
                         return matches(process);
                       }));
  return concerns;
}

std::vector<ReadingRound::Candidate> Triggers::candidates() {
  watch_->begin_round();
  std::vector<ReadingRound::Candidate> found;
  collector_->processes().for_each([&](const Process& process) {
    if (process.exited || process.kernel_thread || !is_target_(process))
      return;
    if (config_.ranges || std::ranges::count(rules_of(process), true) != 0)
      found.push_back({.process = process.serial, .pid = process.pid});
  });
  return found;
}

void Triggers::read(const ReadingRound::Candidate& candidate, const TriggerReading& reading,
                    ReadingRound::Clock::time_point now) {
  // Another may have its pid by now.
  const Process* const process = collector_->processes().live(candidate.pid);
  if (process == nullptr || process->serial != candidate.process)
    return;
  const auto firing = watch_->observe(candidate.process, reading, now.time_since_epoch(),
                                      rules_of(*process), may_take_ && taker_->under_way() == 0);
  if (firing)
    take(*process, *firing);
}

void Triggers::take(const Process& process, const TriggerFiring& firing) {
  const TriggeredProfile& wanted =
      firing.rule ? config_.rules.at(*firing.rule).profile : config_.profile;
  serve::ProfileRequest request = request_;
  request.set_id(next_id_++);
  request.set_duration_nanos(static_cast<uint64_t>(wanted.duration.count()));
  request.set_frequency(wanted.frequency);
  request.add_pids(static_cast<uint32_t>(process.pid));
  serve::Trigger& trigger = *request.mutable_trigger();
  trigger.set_start_ticks(process.start_ticks());
  trigger.set_reason(firing.reason);
  const std::string value = value_text(firing.metric, firing.value);
  KeyValues measured{{"trigger.value", value}};
  if (firing.before)
    add_readings("metrics.before.", *firing.before, measured);
  for (const auto& [name, text] : measured)
    (*trigger.mutable_comments())[name] = text;
  (*trigger.mutable_comments())["trigger.part"] = "during";
  subject_ = tell(process, firing.reason, value);
  measured.emplace_back("trigger", firing.reason);
  measured.emplace_back("trigger.part", "before");
  keep_past(process, std::move(measured));
  taker_->take(request);
}

std::string Triggers::tell(const Process& process, const std::string& reason,
                           const std::string& value) {
  std::string subject = fmt::format("{} ({}): {}", process.comm, process.pid, reason);
  log_->info("trigger", {{"pid", std::to_string(process.pid)},
                         {"comm", process.comm},
                         {"trigger", reason},
                         {"value", value}});
  show_(subject + ", " + value);
  return subject;
}

void Triggers::look_at_deaths() {
  const auto now = std::chrono::steady_clock::now();
  for (const pprofd_death& death : collector_->take_deaths())
    if (config_.keeps_deaths() && deaths_.size() < kMostDeaths)
      deaths_.push_back({death, now + kAfterDeath});
  while (!deaths_.empty() && deaths_.front().due <= now) {
    keep_last(deaths_.front().record);
    deaths_.pop_front();
  }
}

// Our own processes are ended by signals when they are done.
void Triggers::keep_last(const pprofd_death& death) {
  const auto same = [&death](const Death& other) {
    return other.record.pid == death.pid && other.record.start_time == death.start_time;
  };
  if (std::ranges::count_if(deaths_, same) > 1)
    return; // it was told of again
  const Process& process =
      *collector_->processes().find(static_cast<pid_t>(death.pid), death.start_time);
  if (*process.exe == own_program_ || !is_target_(process) || !collector_->has_past(process))
    return;
  if (!deaths_bound_.take(std::chrono::steady_clock::now().time_since_epoch())) {
    ++suppressed_;
    return;
  }
  const auto signal = static_cast<int>(death.signal);
  const char* const name = ::sigabbrev_np(signal);
  const std::string told = "signal " + std::to_string(signal);
  const std::string reason = death.out_of_memory != 0 ? "out of memory" : told;
  const std::string value = name == nullptr ? told : "SIG" + std::string(name);
  KeyValues comments{{"trigger", reason}, {"trigger.value", value}, {"trigger.part", "before"}};
  if (const auto usual = watch_->usual(process.serial))
    add_readings("metrics.before.", *usual, comments);
  tell(process, reason, value);
  keep_past(process, std::move(comments));
}

void Triggers::keep_past(const Process& process, KeyValues comments) {
  if (collector_->keep_past(process))
    kept_.push_back(std::move(comments));
}

void Triggers::write_past() {
  CollectedWindow* const window = collector_->ready_past();
  if (window == nullptr || queue_->is_full())
    return;
  RecordingInfo info = machine_;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  info.event = kSamplingEvents.front();
  info.frequency = collector_->sampler().frequency();
  info.time_nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() -
                    static_cast<int64_t>(monotonic_ns() - window->begin);
  info.duration_nanos = static_cast<int64_t>(window->end - window->begin);
  info.comments = labels_;
  std::ranges::move(kept_.front(), std::back_inserter(info.comments));
  kept_.pop_front();
  add_kernel_names(*kernel_, *window);
  SinkProfile made = make_sink_profile(info, *window->processes.front(), *collector_, *kernel_);
  queue_->add(std::move(made.head), std::move(made.composed.profile));
  collector_->done_with_past();
}

void Triggers::taken(const serve::Answer& answer) {
  if (answer.status() != 200) {
    log_->warning("no profile for a trigger", {{"trigger", subject_}, {"why", answer.body()}});
    return;
  }
  serve::WindowProfile profile = answer.profile();
  profile.set_profile(answer.body());
  queue_->add(std::move(profile));
}

} // namespace pprofd
