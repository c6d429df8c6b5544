#include "daemon/run/window_writer.h"

#include "daemon/run/service_name.h"

namespace pprofd {

namespace {

using std::chrono::steady_clock;

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

std::optional<WrittenWindow> WindowWriter::step(std::chrono::nanoseconds at_most) {
  const auto start = steady_clock::now();
  CollectedWindow* window = collector_->ready();
  if (window == nullptr || infos_.empty())
    return std::nullopt;
  if (!begun_)
    begin(*window);
  while (next_ < window->processes.size()) {
    if (queue_->is_full() || steady_clock::now() - start >= at_most) {
      written_.took += steady_clock::now() - start;
      return std::nullopt;
    }
    write(*window->processes[next_]);
    window->processes[next_++].reset();
  }
  written_.took += steady_clock::now() - start;
  return end(*window);
}

void WindowWriter::begin(CollectedWindow& window) {
  begun_ = true;
  next_ = 0;
  written_ = {.info = infos_.front(), .totals = window.totals, .frames = {}, .named = window.named};
  written_.info.unattributed_drops = window.totals.unattributed_drops;
  add_kernel_names(kernel_, window);
}

void WindowWriter::write(const CollectedProcess& process) {
  RecordingInfo info = written_.info;
  const std::string service =
      service_name(info.comments, *process.process, process.executable_path());
  std::erase_if(info.comments, [](const auto& label) { return label.first == "service"; });
  info.comments.emplace_back("service", service);
  ComposedProfile composed = compose_profile(info, process, *collector_, kernel_);
  serve::WindowProfile head;
  head.set_type("cpu");
  head.set_service(service);
  head.set_time_nanos(info.time_nanos);
  head.set_duration_nanos(info.duration_nanos);
  head.set_samples(process.aggregate.accounting().written());
  head.set_value(total_value(process.aggregate));
  add_labels(process, *collector_, info, head);
  written_.frames += composed.missing.kinds;
  ++written_.profiles;
  queue_->add(std::move(head), std::move(composed.profile));
}

WrittenWindow WindowWriter::end(CollectedWindow& window) {
  written_.totals = window.totals;
  infos_.pop_front();
  begun_ = false;
  collector_->done();
  return std::move(written_);
}

} // namespace pprofd
