#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/doctor/kernel_trial.h"
#include "daemon/doctor/probe_groups.h"
#include "daemon/sampling/event.h"
#include "symbolizer/base/result.h"

namespace pprofd {
namespace {

// Kernels of Debian and Ubuntu know levels above 2, at which only CAP_SYS_ADMIN opens events.
bool paranoid_level_refuses(const Host& host) {
  return host.setting("perf_event_paranoid").value_or(2) > 2 && !host.holds(Capability::kSysAdmin);
}

const char* const kLowerParanoid = "as root: sysctl kernel.perf_event_paranoid=2, or run it with "
                                   "CAP_SYS_ADMIN";

Refusal explain_perf(int error, const Host& host) {
  const bool denied = error == EACCES || error == EPERM;
  if (denied && !host.holds(Capability::kPerfmon) && !host.holds(Capability::kSysAdmin))
    return {"not permitted without CAP_PERFMON", kRunAsRoot};
  const std::string level = "kernel.perf_event_paranoid is " +
                            std::to_string(host.setting("perf_event_paranoid").value_or(0));
  if (denied && paranoid_level_refuses(host))
    return {level + ", which asks for CAP_SYS_ADMIN", kLowerParanoid};
  if (denied)
    return {errno_text(error) + ", though " + level + " and the capabilities are held",
            "allow perf_event_open(2) in the seccomp profile, the security module and the lockdown "
            "mode that apply here"};
  if (error == ENOSYS)
    return {"this kernel has no perf_event_open(2)", "use a kernel with CONFIG_PERF_EVENTS"};
  if (error == EMFILE)
    return {errno_text(error), "raise the limit of open files: ulimit -n"};
  return {errno_text(error), "use Linux 5.17 or later with CONFIG_PERF_EVENTS"};
}

Probe paranoid_probe(const ProbeContext& context) {
  Probe probe{.id = "perf-event-paranoid", .title = "perf_event_paranoid"};
  const auto level = context.host.setting("perf_event_paranoid");
  if (!level)
    return failed(std::move(probe), "kernel.perf_event_paranoid is not there", kNoRecording,
                  "use a kernel with CONFIG_PERF_EVENTS; mount /proc");
  probe.result = std::to_string(*level);
  if (*level > 2 && context.host.holds(Capability::kSysAdmin))
    probe.result += ", which CAP_SYS_ADMIN overrides";
  if (paranoid_level_refuses(context.host))
    return warned(std::move(probe), std::to_string(*level) + ", and CAP_SYS_ADMIN is not held",
                  "Debian's and Ubuntu's kernels open no events then", kLowerParanoid);
  return probe;
}

Probe sampling_probe(const ProbeContext& context) {
  Probe probe{.id = "sampling-event", .title = "sampling event"};
  const int cpu = context.host.first_cpu();
  const Trial event = open_sampling_event(context.environment.calls, PERF_TYPE_SOFTWARE,
                                          PERF_COUNT_SW_CPU_CLOCK, cpu);
  if (event) {
    probe.result = "cpu-clock opens on CPU " + std::to_string(cpu);
    return probe;
  }
  const Refusal refusal = explain_perf(event.error(), context.host);
  return failed(std::move(probe), "cpu-clock does not open: " + refusal.why, kNoRecording,
                refusal.remedy);
}

// Whether the event's records can be read: a ring of one page of control and eight of data.
int map_ring(const Fd& event) {
  const size_t bytes = 9 * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* ring = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
  if (ring == MAP_FAILED)
    return errno;
  ::munmap(ring, bytes);
  return 0;
}

Probe side_band_probe(const ProbeContext& context) {
  Probe probe{.id = "side-band", .title = "process and mapping events"};
  const int cpu = context.host.first_cpu();
  Trial event = open_side_band(context.environment.calls, true, cpu);
  const bool build_ids = event.has_value();
  if (!event && event.error() == EINVAL)
    event = open_side_band(context.environment.calls, false, cpu);
  if (!event) {
    const Refusal refusal = explain_perf(event.error(), context.host);
    return failed(std::move(probe), "cannot be opened: " + refusal.why, kNoRecording,
                  refusal.remedy);
  }
  if (const int error = map_ring(*event); error != 0)
    return failed(std::move(probe), "their ring cannot be mapped: " + errno_text(error),
                  kNoRecording,
                  "raise kernel.perf_event_mlock_kb or the limit of locked memory (ulimit -l)");
  if (!build_ids)
    return warned(std::move(probe), "without build ids",
                  "a file that is replaced while it runs may go without names",
                  "use Linux 5.12 or later");
  probe.result = "with build ids, by the monotonic clock";
  return probe;
}

Probe hardware_probe(const ProbeContext& context) {
  Probe probe{.id = "hardware-events", .title = "hardware events"};
  int last_error = 0;
  for (const SamplingEvent& event : kSamplingEvents) {
    if (event.type != PERF_TYPE_HARDWARE)
      continue;
    const Trial opened = open_sampling_event(context.environment.calls, event.type, event.config,
                                             context.host.first_cpu());
    if (opened)
      probe.result.append(probe.result.empty() ? "" : ", ").append(event.name);
    else
      last_error = opened.error();
  }
  if (!probe.result.empty())
    return probe;
  probe.status = ProbeStatus::kNote;
  const bool denied = last_error == EACCES || last_error == EPERM;
  probe.result = denied ? "could not be tried: " + explain_perf(last_error, context.host).why
                        : "none, as on many virtual machines; --event takes cpu-clock only";
  return probe;
}

Probe rate_probe(const ProbeContext& context) {
  constexpr int64_t kDefaultHertz = 99;
  constexpr int64_t kHighestHertz = 5000;
  Probe probe{.id = "sample-rate", .title = "perf_event_max_sample_rate"};
  const auto limit = context.host.setting("perf_event_max_sample_rate");
  if (!limit) {
    probe.status = ProbeStatus::kNote;
    probe.result = "unknown";
    return probe;
  }
  probe.result = std::to_string(*limit) + " Hz";
  const std::string remedy = "as root: sysctl kernel.perf_event_max_sample_rate=10000";
  if (*limit < kDefaultHertz)
    return warned(std::move(probe), std::to_string(*limit) + " Hz",
                  "the default frequency of 99 Hz is refused", remedy);
  if (*limit < kHighestHertz)
    probe.result += ", which limits --frequency";
  return probe;
}

} // namespace

std::vector<Probe> perf_probes(const ProbeContext& context) {
  std::vector<Probe> probes;
  probes.push_back(paranoid_probe(context));
  probes.push_back(sampling_probe(context));
  probes.push_back(side_band_probe(context));
  probes.push_back(hardware_probe(context));
  probes.push_back(rate_probe(context));
  return probes;
}

} // namespace pprofd
