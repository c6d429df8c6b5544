#include "daemon/run/metrics.h"

#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>
#include <utility>

namespace pprofd {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
public:
  MetricFamily& add(MetricType type, std::string name, std::string help) {
    MetricFamily family;
    family.name = std::move(name);
    family.help = std::move(help);
    family.type = type;
    all_.push_back(std::move(family));
    return all_.back();
  }

  void gauge(std::string name, std::string help, double value) {
    ClientMetric metric;
    metric.gauge.value = value;
    add(MetricType::Gauge, std::move(name), std::move(help)).metric.push_back(std::move(metric));
  }

  void counter(std::string name, std::string help, double value) {
    count(add(MetricType::Counter, std::move(name), std::move(help)), {}, value);
  }

  static void count(MetricFamily& family, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    family.metric.push_back(std::move(metric));
  }

  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, all_);
    return out.str();
  }

private:
  std::vector<MetricFamily> all_;
};

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

void add_samples(Families& families, const ServiceFigures& figures) {
  MetricFamily& samples = families.add(MetricType::Counter, "pprofd_samples_total",
                                       "Samples taken, by what became of them.");
  Families::count(samples, {{"result", "written"}, {"reason", ""}}, double(figures.samples_stored));
  for (const auto& [reason, dropped] : figures.totals.dropped_by_reason())
    Families::count(samples, {{"result", "dropped"}, {"reason", reason}}, double(dropped));
  Families::count(samples, {{"result", "dropped"}, {"reason", "write_failed"}},
                  double(figures.samples_failed));

  MetricFamily& stacks = families.add(MetricType::Counter, "pprofd_stacks_total",
                                      "Stacks written, complete or why not.");
  Families::count(stacks, {{"complete", "true"}, {"reason", ""}},
                  double(figures.totals.samples.complete()));
  for (size_t at = 0; at < figures.totals.samples.stack_ends.size(); ++at) {
    const auto end = static_cast<pprofd_stack_end>(at);
    if (!is_complete(end))
      Families::count(stacks, {{"complete", "false"}, {"reason", std::string(stack_end_name(end))}},
                      double(figures.totals.samples.stack_ends.at(at)));
  }
}

void add_frames(Families& families, const FrameCounts& frames) {
  MetricFamily& counts = families.add(MetricType::Counter, "pprofd_frames_total",
                                      "Frames of samples written, by whether they have a name.");
  for (size_t kind = 0; kind < kCodeKinds; ++kind) {
    const std::string name(name_of(static_cast<CodeKind>(kind)));
    const uint64_t named = frames.named.at(kind);
    Families::count(counts, {{"kind", name}, {"symbolized", "true"}}, double(named));
    Families::count(counts, {{"kind", name}, {"symbolized", "false"}},
                    double(frames.all.at(kind) - named));
  }
}

void add_workers(Families& families, const ServiceFigures& figures) {
  MetricFamily& cpu = families.add(MetricType::Counter, "pprofd_cpu_seconds_total",
                                   "CPU time of each of pprofd's processes.");
  const auto workers =
      figures.names_worker.cpu_time + figures.rows_worker.cpu_time + figures.index_worker.cpu_time;
  Families::count(cpu, {{"process", "daemon"}}, seconds(figures.daemon_cpu));
  Families::count(cpu, {{"process", "worker"}}, seconds(workers));
  Families::count(cpu, {{"process", "serve"}}, seconds(figures.serve_cpu));
  if (figures.ships)
    Families::count(cpu, {{"process", "ship"}}, seconds(figures.ship_cpu));
  Families::count(cpu, {{"process", "trigger"}}, seconds(figures.triggered_cpu));
  if (figures.fetches)
    Families::count(cpu, {{"process", "fetch"}}, seconds(figures.debuginfod.cpu_time));

  MetricFamily& restarts = families.add(MetricType::Counter, "pprofd_worker_restarts_total",
                                        "Ends of workers that nobody asked for.");
  for (size_t at = 0; at < symbolizer::kWorkerEnds; ++at) {
    const auto end = static_cast<symbolizer::WorkerEnd>(at);
    Families::count(restarts, {{"reason", std::string(symbolizer::name_of(end))}},
                    double(figures.names_worker.ends.at(at) + figures.rows_worker.ends.at(at) +
                           figures.index_worker.ends.at(at)));
  }
}

void add_fetching(Families& families, const ServiceFigures& figures) {
  if (!figures.fetches)
    return;
  const DebuginfodFigures& fetched = figures.debuginfod;
  MetricFamily& files =
      families.add(MetricType::Counter, "pprofd_debuginfod_files_total",
                   "Debug files asked for of debuginfod servers, by what became of it.");
  const std::array<std::pair<const char*, uint64_t>, 5> results{
      {{"found", fetched.found},
       {"missing", fetched.missing},
       {"failed", fetched.failed},
       {"unusable", fetched.unusable},
       {"other_build", fetched.other_build}}};
  for (const auto& [result, count] : results)
    Families::count(files, {{"result", result}}, double(count));
  families.counter("pprofd_debuginfod_bytes_total", "Bytes of debug files that were fetched.",
                   double(fetched.bytes));
  families.counter("pprofd_debuginfod_restarts_total",
                   "Ends of the process that fetches that nobody asked for.",
                   double(fetched.restarts));
}

void add_shipping(Families& families, const ServiceFigures& figures) {
  if (!figures.ships)
    return;
  struct Count {
    const char* name;
    const char* help;
    uint64_t ShipFigures::* value;
  };
  for (const Count& each :
       {Count{"pprofd_ship_sent_total", "Profiles that a target has taken.", &ShipFigures::sent},
        Count{"pprofd_ship_failed_total", "Profiles that a target refused for good.",
              &ShipFigures::failed},
        Count{"pprofd_ship_retried_total", "Profiles that were sent again.", &ShipFigures::retried},
        Count{"pprofd_ship_dropped_total",
              "Profiles that the spool had no room for, or the process that ships did not take.",
              &ShipFigures::dropped}}) {
    MetricFamily& family = families.add(MetricType::Counter, each.name, each.help);
    for (const ShipFigures& target : figures.shipping)
      Families::count(family, {{"target", target.target}}, double(target.*each.value));
  }
  const auto add_gauge = [&](const char* name, const char* help, auto value) {
    MetricFamily& family = families.add(MetricType::Gauge, name, help);
    for (const ShipFigures& target : figures.shipping) {
      ClientMetric metric;
      metric.label = {{"target", target.target}};
      metric.gauge.value = value(target);
      family.metric.push_back(std::move(metric));
    }
  };
  add_gauge("pprofd_ship_spool_bytes", "What waits on the disk for a target.",
            [](const ShipFigures& target) { return double(target.spool_bytes); });
  add_gauge("pprofd_ship_up", "Whether a target took what it was sent last.",
            [](const ShipFigures& target) { return target.up ? 1.0 : 0.0; });
  families.counter("pprofd_ship_restarts_total",
                   "Ends of the process that ships that nobody asked for.",
                   double(figures.ship_restarts));
}

} // namespace

std::string metrics_text(const ServiceFigures& figures) {
  Families families;
  add_samples(families, figures);
  add_frames(families, figures.frames);
  const CollectorFigures& held = figures.collector;
  families.gauge("pprofd_processes", "Processes known, exited ones that have samples included.",
                 double(held.processes));
  families.gauge("pprofd_executables", "Executable files known.", double(held.executables));
  families.gauge("pprofd_mappings", "Executable mappings known.", double(held.mappings));
  families.gauge("pprofd_unwind_rows", "Unwind rows in the kernel.", double(held.tables.rows));
  families.counter("pprofd_bpf_run_seconds_total", "Time that samples took in the kernel.",
                   double(figures.bpf_run_nanos) / 1e9);
  families.gauge("pprofd_bpf_map_bytes", "Memory of the kernel's maps.",
                 double(figures.bpf_map_bytes));
  families.gauge("pprofd_memory_bytes",
                 "RssAnon and RssShmem of pprofd's processes, and the kernel's maps.",
                 double(figures.memory_bytes));
  add_workers(families, figures);
  families.counter("pprofd_serve_restarts_total",
                   "Ends of the process for the network that nobody asked for.",
                   double(figures.serve_restarts));
  add_fetching(families, figures);
  add_shipping(families, figures);
  families.gauge("pprofd_frequency_hertz", "Samples per second and CPU at this moment.",
                 double(figures.frequency));
  families.counter("pprofd_windows_total", "Windows written.", double(figures.windows));
  MetricFamily& profiles =
      families.add(MetricType::Counter, "pprofd_profiles_total", "Profiles written.");
  Families::count(profiles, {{"type", "cpu"}}, double(figures.profiles.written));
  families.counter("pprofd_triggered_profiles_total", "Those of them that a trigger took.",
                   double(figures.profiles.triggered));
  families.counter("pprofd_triggers_suppressed_total",
                   "Triggers that held and were too soon after the last one.",
                   double(figures.triggers_suppressed));
  families
      .add(MetricType::Histogram, "pprofd_window_processing_seconds",
           "Time spent on making the profiles of a window.")
      .metric.push_back(figures.window_seconds);
  families
      .add(MetricType::Histogram, "pprofd_symbolization_seconds",
           "Time from when addresses of a file are met until they have names, waiting included.")
      .metric.push_back(figures.symbolization_seconds);
  ClientMetric info;
  info.label = {{"version", figures.version}};
  info.gauge.value = 1;
  families.add(MetricType::Gauge, "pprofd_build_info", "The version that runs.")
      .metric.push_back(std::move(info));
  return families.text();
}

} // namespace pprofd
