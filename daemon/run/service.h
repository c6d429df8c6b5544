// The service's privileged side: samples in windows, hands their profiles to the process that faces
// the network, answers what that asks, keeps to its limits and tells systemd how it is. One thread,
// but for the queue's and the collector's own.
#pragma once

#include <prometheus/histogram.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/config/service_config.h"
#include "daemon/log/log.h"
#include "daemon/run/cpu_governor.h"
#include "daemon/run/memory_guard.h"
#include "daemon/run/metrics.h"
#include "daemon/run/notify.h"
#include "daemon/run/process_activity.h"
#include "daemon/run/profile_queue.h"
#include "daemon/run/profile_taker.h"
#include "daemon/run/schedule.h"
#include "daemon/run/serve_host.h"
#include "daemon/run/ship_host.h"
#include "daemon/run/triggers.h"
#include "daemon/run/window_writer.h"
#include "daemon/signals/signals.h"
#include "daemon/target/target_filter.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

class Service {
public:
  // Loads the programs; nothing is sampled yet. `arguments`: of the command line, from which the
  // configuration is read again when it is to be reloaded. `log` outlives the service.
  static Result<std::unique_ptr<Service>> create(const Arguments& arguments, ServiceConfig config,
                                                 Log& log);

  // Until SIGTERM or SIGINT; the window that runs then has been written when it returns.
  Result<void> run();

private:
  Service(Arguments arguments, ServiceConfig config, Log& log, Signals signals, Fd events,
          std::unique_ptr<ServeHost> host, ProfileTaker taker);
  Result<void> start_triggers();

  Result<void> start();
  void answer_calls();
  void answer(uint64_t id, uint32_t status, std::string body);
  [[nodiscard]] std::string metrics() const;
  Result<void> install_filter();
  void round();
  [[nodiscard]] std::chrono::nanoseconds until_next() const;
  void keep_schedule();
  void end_window();
  void begin_collection();
  void keep_to_cpu_limit();
  void make_profiles(std::chrono::nanoseconds at_most);
  void window_written(const WrittenWindow& window);
  void each_second();
  void show_event(const char* kind, std::string text);
  [[nodiscard]] uint64_t process_ends() const;
  void keep_memory();
  void feed_watchdog();
  void take_signals();
  void begin_reload();
  Result<void> ask_processes();
  void end_reload(const Result<void>& done);
  void apply(ServiceConfig config);
  void finish();

  [[nodiscard]] RecordingInfo info_of(const CollectedWindow& window) const;
  [[nodiscard]] uint64_t map_bytes(const CollectorFigures& figures) const;
  [[nodiscard]] uint64_t memory_used(const CollectorFigures& figures) const;
  [[nodiscard]] std::chrono::nanoseconds cpu_used() const;
  [[nodiscard]] ProcessActivity::Identity identify(pid_t pid, const ProcStat& stat) const;

  Arguments arguments_;
  ServiceConfig config_;
  Log* log_;
  Signals signals_;
  Fd events_; // epoll: signals, host, taker, triggers
  Notify notify_;
  std::unique_ptr<TargetFilter> filter_; // nullptr: all processes
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<ServeHost> host_;
  ProfileTaker taker_;
  ShipHost ship_;
  ProfileQueue queue_; // after the hosts, which it puts into
  std::unique_ptr<WindowWriter> writer_;
  std::unique_ptr<Triggers> triggers_; // after what it asks and puts into
  ProcessActivity activity_;
  RecordingInfo machine_;
  Schedule schedule_;
  Collection collection_; // the one that runs or the next one
  bool collecting_ = false;
  CpuGovernor governor_;
  MemoryGuard memory_;
  MemoryStep memory_step_ = MemoryStep::kNone;
  uint64_t process_ends_ = 0; // that were shown
  bool reload_asked_ = false;
  std::vector<uint64_t> reload_requests_; // that wait for what becomes of the next one
  // One under way: the processes are asked whether they can work with it.
  struct Reload {
    ServiceConfig config;
    std::vector<uint64_t> requests;
    bool waits = false; // part of it, for the next start
  };
  std::unique_ptr<Reload> reload_; // nullptr: none is
  bool stop_ = false;
  std::chrono::steady_clock::time_point checked_;
  std::chrono::steady_clock::time_point fed_;
  uint64_t received_when_fed_ = 0;
  uint64_t sent_when_fed_ = 0;
  // For metrics.
  CollectorTotals totals_;
  FrameCounts frames_;
  uint64_t windows_ = 0;
  uint64_t windows_when_dropped_ = 0; // when the caches were dropped last
  prometheus::Histogram window_seconds_{{0.1, 0.3, 1, 3, 10, 30}};
};

} // namespace pprofd
