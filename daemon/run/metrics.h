// The privileged side in Prometheus' text format. Pure.
#pragma once

#include <prometheus/client_metric.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/compose/missing_names.h"
#include "daemon/run/profile_queue.h"
#include "daemon/run/ship_host.h"

namespace pprofd {

struct ServiceFigures {
  std::string version;
  CollectorTotals totals;      // of all windows that have been written
  FrameCounts frames;          // the same
  uint64_t samples_stored = 0; // of them, in profiles that serve has stored
  uint64_t samples_failed = 0; // of them, in profiles that nobody took
  uint64_t windows = 0;
  ProfileQueue::Stats profiles;
  uint64_t triggers_suppressed = 0;
  std::chrono::nanoseconds triggered_cpu{0}; // of the processes that took those profiles
  CollectorFigures collector;
  symbolizer::WorkerStatus names_worker, rows_worker, index_worker;
  DebuginfodFigures debuginfod;
  bool fetches = false; // whether there are servers for it
  std::chrono::nanoseconds serve_cpu{0};
  uint64_t serve_restarts = 0;
  std::vector<ShipFigures> shipping;
  bool ships = false; // whether there is a process for it
  std::chrono::nanoseconds ship_cpu{0};
  uint64_t ship_restarts = 0;
  uint64_t bpf_run_nanos = 0;
  uint64_t bpf_map_bytes = 0;
  uint64_t memory_bytes = 0; // of all, maps included
  std::chrono::nanoseconds daemon_cpu{0};
  unsigned frequency = 0;
  prometheus::ClientMetric window_seconds;        // histogram: making a window's profiles
  prometheus::ClientMetric symbolization_seconds; // histogram: SymbolService::latency()
};

std::string metrics_text(const ServiceFigures& figures);

} // namespace pprofd
