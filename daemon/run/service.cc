#include "daemon/run/service.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <numeric>
#include <utility>

#include "daemon/cli/program.h"
#include "daemon/doctor/probes.h"
#include "daemon/run/listener.h"
#include "daemon/run/serve_configuration.h"
#include "daemon/run/service_name.h"
#include "daemon/run/ship_configuration.h"
#include "symbolizer/base/clock.h"
#include "symbolizer/client/proc_usage.h"

namespace pprofd {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// How often the ring buffer is drained when nothing asks for it earlier.
constexpr milliseconds kTick{100};
// Of each tick, for making profiles.
constexpr milliseconds kProfilesATick{25};
constexpr std::chrono::seconds kCheckInterval{1};
// How often each process's use of the machine is read, and how long of a tick that may take.
constexpr std::chrono::seconds kActivityInterval{60};
constexpr milliseconds kActivityATick{5};
constexpr milliseconds kTriggersATick{5};
// At the end: systemd and its user wait, and five seconds are promised.
constexpr milliseconds kLastRows{500};
constexpr milliseconds kLastNames{1'500};
constexpr milliseconds kLastTriggered{1'500};
constexpr milliseconds kLeaveWithin{4'300};
constexpr milliseconds kShortWait{10};

uint64_t wall_clock_nanos() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

CollectorOptions collector_options(const ServiceConfig& config) {
  constexpr uint64_t kMostTables = uint64_t{64} << 20;
  constexpr uint64_t kMostWorker = 150'000'000;
  constexpr double kIndexShare = 0.25; // of what all may take
  const uint64_t memory = config.memory_limit;
  return {.sampler = {.event = kSamplingEvents.front(),
                      .frequency = config.frequency,
                      .deaths = config.triggers.keeps_deaths(),
                      .default_verdict = config.filters() ? PPROFD_UNDECIDED : PPROFD_INCLUDE,
                      .table_bytes = std::min(kMostTables, memory / 4)},
          .worker = {.memory_limit = std::min(kMostWorker, memory / 4 * 3)},
          .index_folder = config.indexes.folder,
          .index_share = config.cpu_limit * kIndexShare,
          .debuginfod = config.debuginfod,
          .aggregate_limit = memory / 5,
          .suspended_limit = memory / 12,
          .names_limit = memory / 10,
          .past = config.triggers.past,
          .past_limit = memory / 25};
}

nanoseconds own_cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto nanos = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

// What becomes readable when one of several descriptors does.
Result<Fd> wait_for_any(std::initializer_list<int> fds) {
  Fd events(::epoll_create1(EPOLL_CLOEXEC));
  if (!events)
    return fail_errno("wait for several things", errno);
  for (const int fd : fds) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(events.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      return fail_errno("wait for several things", errno);
  }
  return events;
}

Result<std::unique_ptr<ServeHost>> start_host(const ServiceConfig& config, Log& log) {
  auto configuration = make_serve_configuration(config);
  if (!configuration)
    return std::unexpected(configuration.error());
  std::vector<Fd> listeners;
  for (const auto* addresses : {&config.http.listen, &config.http.metrics_listen}) {
    for (const ListenAddress& address : *addresses) {
      auto listener = open_listener(address);
      if (!listener)
        return std::unexpected(listener.error());
      listeners.push_back(std::move(*listener));
    }
  }
  auto host = ServeHost::create(std::move(listeners), log, ServeHost::serve_kind());
  if (!host)
    return host;
  if (auto started = (*host)->configure_and_wait(std::move(*configuration)); !started)
    return std::unexpected(started.error());
  return host;
}

// What stays as it is until the next start. Whether that is not what the new one says.
bool keep_until_next_start(ServiceConfig& config, const ServiceConfig& now) {
  const bool waits =
      config.store_path != now.store_path || config.spool_path != now.spool_path ||
      config.indexes.folder != now.indexes.folder || config.debuginfod != now.debuginfod ||
      config.memory_limit > now.memory_limit || config.http.listen != now.http.listen ||
      config.http.metrics_listen != now.http.metrics_listen ||
      config.triggers.past != now.triggers.past || config.triggers.deaths != now.triggers.deaths;
  config.store_path = now.store_path;
  config.spool_path = now.spool_path;
  config.indexes = now.indexes;
  config.debuginfod = now.debuginfod;
  config.http.listen = now.http.listen;
  config.http.metrics_listen = now.http.metrics_listen;
  config.triggers.past = now.triggers.past;
  config.triggers.deaths = now.triggers.deaths;
  return waits;
}

} // namespace

Service::Service(Arguments arguments, ServiceConfig config, Log& log, Signals signals, Fd events,
                 std::unique_ptr<ServeHost> host, ProfileTaker taker)
    : arguments_(std::move(arguments)), config_(std::move(config)), log_(&log),
      signals_(std::move(signals)), events_(std::move(events)), notify_(Notify::from_environment()),
      host_(std::move(host)), taker_(std::move(taker)), ship_(*host_, log),
      queue_(ship_, [&log](const Error& error) { log.error("profile not written", error); }),
      activity_(ProcFs(), kActivityInterval,
                [this](pid_t pid, const ProcStat& stat) { return identify(pid, stat); }),
      machine_(describe_machine()), schedule_(config_.window, config_.collect, host_seed()),
      governor_(config_.frequency, config_.cpu_limit), memory_(config_.memory_limit) {}

Result<std::unique_ptr<Service>> Service::create(const Arguments& arguments, ServiceConfig config,
                                                 Log& log) {
  auto signals = Signals::block({SIGINT, SIGTERM, SIGHUP});
  if (!signals)
    return std::unexpected(signals.error());
  if (auto cache = IndexCache::open_chosen(config.indexes); !cache)
    return std::unexpected(cache.error());
  auto host = start_host(config, log);
  if (!host)
    return std::unexpected(host.error());
  auto taker =
      ProfileTaker::create([&host = **host](const serve::Answer& answer) { host.answer(answer); });
  if (!taker)
    return std::unexpected(taker.error());
  auto events = wait_for_any({signals->fd(), (*host)->fd(), taker->fd()});
  if (!events)
    return std::unexpected(events.error());
  std::unique_ptr<Service> service(new Service(arguments, std::move(config), log,
                                               std::move(*signals), std::move(*events),
                                               std::move(*host), std::move(*taker)));
  service->answer_calls();
  auto for_ship = make_ship_configuration(service->config_);
  if (!for_ship)
    return std::unexpected(for_ship.error());
  if (auto ships = service->ship_.start(std::move(*for_ship), service->events_.get()); !ships)
    return std::unexpected(ships.error());
  take_precedence();
  auto collector = Collector::create(collector_options(service->config_));
  if (!collector)
    return std::unexpected(explain_start_failure({}, collector.error()));
  service->collector_ = std::move(*collector);
  service->writer_ = std::make_unique<WindowWriter>(*service->collector_, service->queue_);
  if (auto triggers = service->start_triggers(); !triggers)
    return std::unexpected(triggers.error());
  return service;
}

Result<void> Service::start_triggers() {
  auto triggers =
      Triggers::create(*log_, [this](std::string text) { show_event("trigger", std::move(text)); });
  if (!triggers)
    return std::unexpected(triggers.error());
  triggers_ = std::move(*triggers);
  triggers_->attach(*collector_, writer_->kernel(), queue_);
  triggers_->configure(config_);
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, triggers_->fd(), &event) != 0)
    return fail_errno("wait for profiles of triggers", errno);
  return {};
}

// They come from within host_->tick().
void Service::answer_calls() {
  host_->set_calls({.profile =
                        [this](serve::ProfileRequest request) {
                          if (request.frequency() == 0)
                            request.set_frequency(config_.frequency);
                          request.clear_trigger();
                          fill_in(request, config_);
                          taker_.take(request);
                        },
                    .cancel = [this](uint64_t id) { taker_.cancel(id); },
                    .metrics = [this](uint64_t id) { answer(id, 200, metrics()); },
                    .reload =
                        [this](uint64_t id) {
                          reload_asked_ = true;
                          reload_requests_.push_back(id);
                        },
                    .shipping = {}});
}

void Service::answer(uint64_t id, uint32_t status, std::string body) {
  serve::Answer made;
  made.set_id(id);
  made.set_status(status);
  made.set_body(std::move(body));
  host_->answer(std::move(made));
}

Result<void> Service::install_filter() {
  if (filter_ != nullptr)
    filter_->remove();
  filter_.reset();
  if (config_.filters()) {
    filter_ = std::make_unique<TargetFilter>(TargetFilter::matching(config_.target()));
    if (auto installed = filter_->install(*collector_); !installed)
      return installed;
  }
  return collector_->sampler().set_default_verdict(config_.filters() ? PPROFD_UNDECIDED
                                                                     : PPROFD_INCLUDE);
}

Result<void> Service::start() {
  if (auto installed = install_filter(); !installed)
    return installed;
  if (auto started = collector_->start(); !started)
    return started;
  const uint64_t now = wall_clock_nanos();
  collection_ = schedule_.at(now);
  collecting_ = collection_.from <= now;
  if (!collecting_)
    collector_->pause();
  return {};
}

Result<void> Service::run() {
  if (auto started = start(); !started)
    return started;
  log_->info("sampling",
             {{"version", std::string(program().version)},
              {"frequency", std::to_string(config_.frequency)},
              {"window_seconds", fmt::format("{:g}", double(config_.window.count()) / 1e9)},
              {"store", config_.store_path},
              {"config", config_.file}});
  if (config_.triggers.keeps_deaths() && !collector_->sampler().reports_deaths())
    log_->warning("this kernel does not tell of processes that signals end: they leave no profile");
  notify_.ready(fmt::format("Sampling at {} Hz", config_.frequency));
  while (!stop_)
    round();
  notify_.stopping();
  finish();
  log_->info("stopped",
             {{"windows", std::to_string(windows_)},
              {"samples", std::to_string(totals_.taken())},
              {"not_targets", std::to_string(totals_.not_targets)},
              {"kernel_samples", std::to_string(collector_->sampler().counters().taken())}});
  return {};
}

void Service::round() {
  collector_->wait_for_work(events_.get(), until_next());
  take_signals();
  host_->tick();
  ship_.tick();
  taker_.tick();
  begin_reload();
  collector_->tick();
  if (filter_ != nullptr)
    filter_->tick();
  keep_schedule();
  // Before windows are done with, which names may go with.
  triggers_->tick(kTriggersATick, memory_step_ == MemoryStep::kNone && !queue_.is_full());
  make_profiles(kProfilesATick);
  if (auto activity = activity_.step(kActivityATick))
    host_->send_metrics(std::move(*activity));
  if (const auto now = steady_clock::now(); now - checked_ >= kCheckInterval) {
    checked_ = now;
    each_second();
  }
}

nanoseconds Service::until_next() const {
  const uint64_t now = wall_clock_nanos();
  const uint64_t next = collecting_ ? collection_.until : collection_.from;
  const nanoseconds tick = kTick;
  return next <= now ? nanoseconds(0) : std::min(tick, nanoseconds(next - now));
}

void Service::keep_schedule() {
  const uint64_t now = wall_clock_nanos();
  // A clock that was set back must not make a window without end.
  const bool set_back = now + static_cast<uint64_t>(2 * config_.window.count()) < collection_.from;
  if (collecting_ && (now >= collection_.until || set_back))
    end_window();
  else if (set_back)
    collection_ = schedule_.at(now);
  if (!collecting_ && now >= collection_.from)
    begin_collection();
}

// A window has one frequency: where it changes, sampling stops for the moment between the two.
void Service::end_window() {
  const uint64_t now = wall_clock_nanos();
  const Collection next = schedule_.after(collection_, now);
  keep_to_cpu_limit();
  const bool other_frequency = collector_->sampler().frequency() != governor_.frequency();
  const bool goes_on = next.from <= now && !other_frequency;
  RecordingInfo info = info_of(collector_->current());
  if (!goes_on)
    collector_->pause();
  collector_->end_window();
  writer_->expect(std::move(info));
  collection_ = next;
  collecting_ = goes_on;
  if (!other_frequency)
    return;
  if (auto set = collector_->sampler().set_frequency(governor_.frequency()); !set)
    log_->error("frequency not changed", set.error());
}

void Service::begin_collection() {
  if (auto resumed = collector_->resume(); !resumed) {
    log_->error("sampling could not go on", resumed.error());
    return; // tried again at the next tick
  }
  collecting_ = true;
}

void Service::keep_to_cpu_limit() {
  const auto change = governor_.window_ended(cpu_used(), steady_clock::now().time_since_epoch());
  if (!change)
    return;
  show_event("frequency", fmt::format("{} Hz, to keep to limits.cpu", change->frequency));
  log_->warning("frequency changed to keep to limits.cpu",
                {{"frequency", std::to_string(change->frequency)},
                 {"cpu_percent", fmt::format("{:.2f}", 100 * change->share)},
                 {"limit_percent", fmt::format("{:.2f}", 100 * config_.cpu_limit)}});
}

RecordingInfo Service::info_of(const CollectedWindow& window) const {
  RecordingInfo info = machine_;
  const uint64_t now = monotonic_ns();
  const uint64_t ago = now - window.begin;
  info.event = kSamplingEvents.front();
  info.frequency = collector_->sampler().frequency();
  info.time_nanos = static_cast<int64_t>(wall_clock_nanos() - ago);
  info.duration_nanos = static_cast<int64_t>(ago);
  info.comments = config_.labels;
  return info;
}

void Service::make_profiles(nanoseconds at_most) {
  if (const auto written = writer_->step(at_most))
    window_written(*written);
}

void Service::window_written(const WrittenWindow& window) {
  totals_ += window.totals;
  frames_ += window.frames;
  ++windows_;
  window_seconds_.Observe(std::chrono::duration<double>(window.took).count());
  const CollectorFigures held = collector_->figures();
  LogFields fields{{"profiles", std::to_string(window.profiles)},
                   {"samples", std::to_string(window.totals.taken())},
                   {"frequency", std::to_string(window.info.frequency)},
                   {"processes", std::to_string(held.processes)},
                   {"executables", std::to_string(held.executables)},
                   {"mappings", std::to_string(held.mappings)},
                   {"memory", std::to_string(memory_used(held))}};
  const std::string dropped = std::to_string(window.totals.dropped());
  if (window.totals.dropped() != 0)
    fields.emplace_back("dropped", dropped);
  if (!window.named)
    fields.emplace_back("names", "late");
  log_->info("window", fields);
}

void Service::each_second() {
  keep_memory();
  feed_watchdog();
  for (const Error& trouble : collector_->take_fetch_troubles())
    log_->error("debuginfod", trouble);
  const uint64_t ends = process_ends();
  if (const uint64_t before = std::exchange(process_ends_, ends); ends > before)
    show_event("restart",
               fmt::format("{} of pprofd's processes ended and began again", ends - before));
}

// In the page's chart. Lost where serve does not run: the log has it too.
void Service::show_event(const char* kind, std::string text) {
  serve::Event event;
  event.set_time_nanos(static_cast<int64_t>(wall_clock_nanos()));
  event.set_kind(kind);
  event.set_text(std::move(text));
  host_->send_event(std::move(event));
}

// Those that nobody asked for.
uint64_t Service::process_ends() const {
  const SymbolService& symbols = collector_->symbols();
  uint64_t ends =
      host_->figures().restarts + ship_.usage().restarts + symbols.fetch_figures().restarts;
  for (const auto& status :
       {symbols.worker_status(), symbols.index_worker_status(), collector_->row_worker_status()})
    ends = std::accumulate(status.ends.begin(), status.ends.end(), ends);
  return ends;
}

void Service::keep_memory() {
  const CollectorFigures figures = collector_->figures();
  const uint64_t used = memory_used(figures);
  const MemoryStep step = memory_.check(used);
  const bool changed = step != std::exchange(memory_step_, step);
  if (changed) {
    show_event("memory", step == MemoryStep::kNone ? "below its limit again"
                                                   : std::string(memory_step_name(step)));
    log_->warning("memory", {{"bytes", std::to_string(used)},
                             {"limit", std::to_string(config_.memory_limit)},
                             {"step", std::string(memory_step_name(step))}});
    const CollectorOptions usual = collector_options(config_);
    collector_->set_table_limit(step >= MemoryStep::kRows ? usual.sampler.table_bytes / 2
                                                          : usual.sampler.table_bytes);
    collector_->set_aggregate_limit(step >= MemoryStep::kNewTraces ? 0 : usual.aggregate_limit);
  }
  if (step == MemoryStep::kNone || (!changed && windows_ == windows_when_dropped_))
    return;
  windows_when_dropped_ = windows_;
  collector_->give_up_indexes();
  collector_->forget_past();
  collector_->drop_caches();
}

// Fed by progress: the samples that the kernel has sent have been read since the last time.
void Service::feed_watchdog() {
  const auto interval = notify_.watchdog_interval();
  const auto now = steady_clock::now();
  if (interval.count() == 0 || now - fed_ < interval)
    return;
  const uint64_t sent = collector_->sampler().counters().written;
  const uint64_t received = collector_->received();
  const bool progress =
      received != received_when_fed_ || sent == sent_when_fed_ || received >= sent;
  received_when_fed_ = received;
  sent_when_fed_ = sent;
  if (!progress)
    return;
  fed_ = now;
  notify_.watchdog();
  notify_.status(fmt::format("Sampling at {} Hz, {} windows, {} samples",
                             collector_->sampler().frequency(), windows_, totals_.taken()));
}

void Service::take_signals() {
  for (const int signal : signals_.take()) {
    if (signal == SIGHUP)
      reload_asked_ = true;
    else
      stop_ = true;
  }
}

void Service::begin_reload() {
  if (reload_ || !std::exchange(reload_asked_, false))
    return;
  notify_.reloading();
  reload_ = std::make_unique<Reload>();
  reload_->requests = std::exchange(reload_requests_, {});
  if (auto asked = ask_processes(); !asked)
    end_reload(asked);
}

// First the one that can return to what it had without another start.
Result<void> Service::ask_processes() {
  auto config = load_service_config(arguments_);
  if (!config)
    return std::unexpected(config.error());
  reload_->waits = keep_until_next_start(*config, config_);
  auto for_serve = make_serve_configuration(*config);
  if (!for_serve)
    return std::unexpected(for_serve.error());
  auto for_ship = make_ship_configuration(*config);
  if (!for_ship)
    return std::unexpected(for_ship.error());
  reload_->config = std::move(*config);
  const auto serve_taken = [this, before = host_->configuration(),
                            ships = std::move(*for_ship)](const Result<void>& taken) {
    if (!taken)
      return end_reload(taken);
    ship_.configure(ships, [this, before](const Result<void>& ships_too) {
      if (ships_too)
        return end_reload({});
      host_->configure(before, [this, why = ships_too.error()](const Result<void>& restored) {
        if (!restored)
          log_->error("the configuration before is not in force again", restored.error());
        end_reload(std::unexpected(why));
      });
    });
  };
  host_->configure(std::move(*for_serve), serve_taken);
  return {};
}

void Service::end_reload(const Result<void>& done) {
  if (done) {
    if (reload_->waits)
      log_->warning("changed addresses, a changed cache, debuginfod, store.path, spool.path, "
                    "triggers.past or "
                    "triggers.signals and a higher limits.memory wait for the next start");
    apply(std::move(reload_->config));
    log_->info("configuration reloaded", {{"config", config_.file}});
    show_event("configuration", "reloaded");
  } else {
    log_->error("configuration not reloaded, the one before stays", done.error());
  }
  for (const uint64_t id : reload_->requests)
    answer(id, done ? 200 : 400, done ? "reloaded" : done.error().what + ": " + done.error().why);
  notify_.ready(fmt::format("Sampling at {} Hz", governor_.frequency()));
  reload_.reset();
}

void Service::apply(ServiceConfig config) {
  const bool other_target = config.include != config_.include || config.exclude != config_.exclude;
  config_ = std::move(config);
  schedule_ = Schedule(config_.window, config_.collect, host_seed());
  governor_.set(config_.frequency, config_.cpu_limit);
  memory_.set_limit(config_.memory_limit);
  triggers_->configure(config_);
  if (!other_target)
    return;
  if (auto installed = install_filter(); !installed)
    log_->error("filter not changed", installed.error());
}

void Service::finish() {
  const auto deadline = steady_clock::now() + kLeaveWithin;
  triggers_->finish(kLastTriggered);
  if (collecting_) // else the window has nothing yet
    writer_->expect(info_of(collector_->current()));
  collector_->finish(kLastNames, kLastRows);
  while (writer_->pending() && collector_->ready() != nullptr && steady_clock::now() < deadline) {
    make_profiles(kProfilesATick);
    queue_.wait_for_room(kShortWait);
    host_->tick(); // it makes room for those behind
    ship_.tick();
  }
  while (!queue_.flush(kShortWait) && steady_clock::now() < deadline) {
    host_->tick();
    ship_.tick();
  }
  const auto left = [deadline] {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()),
                    milliseconds(0));
  };
  const bool all_written = host_->finish(left()) && queue_.flush({});
  if (!ship_.finish(left()))
    log_->warning("the last profiles were not all spooled in time");
  const uint64_t sampled = collector_->sampler().counters().taken();
  const uint64_t unwritten = sampled - totals_.taken() - totals_.not_targets;
  if (unwritten != 0 || !all_written)
    log_->warning("the last profiles were not all written in time",
                  {{"samples", std::to_string(unwritten)}});
}

uint64_t Service::map_bytes(const CollectorFigures& figures) const {
  return collector_->sampler().fixed_map_bytes() + figures.tables.bytes + figures.space_bytes;
}

uint64_t Service::memory_used(const CollectorFigures& figures) const {
  const SymbolService& symbols = collector_->symbols();
  return symbolizer::read_usage(getpid()).anonymous_bytes +
         symbols.worker_status().anonymous_bytes + symbols.index_worker_status().anonymous_bytes +
         symbols.fetch_figures().anonymous_bytes + collector_->row_worker_status().anonymous_bytes +
         host_->figures().anonymous_bytes + ship_.usage().anonymous_bytes + map_bytes(figures);
}

// Indexes are made in one go and used for long: what they take counts over time.
nanoseconds Service::cpu_used() const {
  return own_cpu_time() + collector_->symbols().worker_status().cpu_time +
         collector_->symbols().index_cpu_charged() +
         collector_->symbols().fetch_figures().cpu_time + collector_->row_worker_status().cpu_time +
         host_->figures().cpu_time + ship_.usage().cpu_time +
         nanoseconds(collector_->sampler().counters().run_nanos);
}

ProcessActivity::Identity Service::identify(pid_t pid, const ProcStat& stat) const {
  const Process* process = collector_->processes().live(pid);
  if (process == nullptr || process->start_ticks() != stat.start_ticks)
    return {.service = stat.comm, .comm = stat.comm};
  return {.service = service_name(config_.labels, *process, *process->exe), .comm = stat.comm};
}

std::string Service::metrics() const {
  const CollectorFigures held = collector_->figures();
  const ProfileQueue::Stats profiles = queue_.stats();
  const ServeHost::Figures host = host_->figures();
  const ServeHost::Figures ship = ship_.usage();
  return metrics_text({.version = std::string(program().version),
                       .totals = totals_,
                       .frames = frames_,
                       .samples_stored = host.samples_stored,
                       .samples_failed = profiles.samples_failed + host.samples_failed,
                       .windows = windows_,
                       .profiles = profiles,
                       .triggers_suppressed = triggers_->suppressed(),
                       .triggered_cpu = triggers_->cpu_time(),
                       .collector = held,
                       .names_worker = collector_->symbols().worker_status(),
                       .rows_worker = collector_->row_worker_status(),
                       .index_worker = collector_->symbols().index_worker_status(),
                       .debuginfod = collector_->symbols().fetch_figures(),
                       .fetches = !config_.debuginfod.servers.empty(),
                       .serve_cpu = host.cpu_time,
                       .serve_restarts = host.restarts,
                       .shipping = ship_.figures(),
                       .ships = ship_.active(),
                       .ship_cpu = ship.cpu_time,
                       .ship_restarts = ship.restarts,
                       .bpf_run_nanos = collector_->sampler().counters().run_nanos,
                       .bpf_map_bytes = map_bytes(held),
                       .memory_bytes = memory_used(held),
                       .daemon_cpu = own_cpu_time(),
                       .frequency = collector_->sampler().frequency(),
                       .window_seconds = window_seconds_.Collect(),
                       .symbolization_seconds = collector_->symbols().latency()});
}

} // namespace pprofd
