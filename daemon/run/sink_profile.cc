#include "daemon/run/sink_profile.h"

#include "daemon/run/service_name.h"

namespace pprofd {

namespace {

// What is known of a process, as labels of its profile; the names are those of the comments.
void add_labels(const CollectedProcess& collected, const Collector& collector,
                const RecordingInfo& info, serve::WindowProfile& head) {
  const Process& process = *collected.process;
  auto& labels = *head.mutable_labels();
  for (const auto& [name, value] : info.comments)
    labels[name] = value;
  const auto add = [&labels](const char* name, std::string value) {
    if (!value.empty())
      labels[name] = std::move(value);
  };
  add("pid", std::to_string(process.pid));
  add("start_time", std::to_string(process.start_ticks()));
  add("comm", process.comm);
  add("exe", collected.executable_path());
  if (process.executable != nullptr) {
    const auto held = collector.symbols().hold();
    add("build_id", collector.build_id(*process.executable));
  }
  add("cgroup", std::string(process.cgroups->main()));
  add("unit", unit_of(*process.cgroups));
  add("container.id", container_of(*process.cgroups));
  add("k8s.pod.uid", pod_of(*process.cgroups));
}

uint64_t total_value(const Aggregate& aggregate) {
  uint64_t sum = 0;
  for (const Aggregate::Row& row : aggregate.rows())
    sum += row.value;
  return sum;
}

} // namespace

SinkProfile make_sink_profile(RecordingInfo info, const CollectedProcess& process,
                              const Collector& collector, const KernelNames& kernel) {
  const std::string service =
      service_name(info.comments, *process.process, process.executable_path());
  std::erase_if(info.comments, [](const auto& label) { return label.first == "service"; });
  info.comments.emplace_back("service", service);
  serve::WindowProfile head;
  head.set_type("cpu");
  head.set_service(service);
  head.set_time_nanos(info.time_nanos);
  head.set_duration_nanos(info.duration_nanos);
  head.set_samples(process.aggregate.accounting().written());
  head.set_value(total_value(process.aggregate));
  add_labels(process, collector, info, head);
  return {std::move(head), compose_profile(info, process, collector, kernel)};
}

} // namespace pprofd
