#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "daemon/doctor/kernel_trial.h"
#include "daemon/doctor/probe_groups.h"
#include "symbolizer/base/result.h"

namespace pprofd {
namespace {

Refusal explain_bpf(int error, const Host& host, bool perf) {
  const bool admin = host.holds(Capability::kSysAdmin);
  if (error == EPERM && !host.holds(Capability::kBpf) && !admin)
    return {"not permitted without CAP_BPF", kRunAsRoot};
  if (error == EPERM && perf && !host.holds(Capability::kPerfmon) && !admin)
    return {"not permitted without CAP_PERFMON", kRunAsRoot};
  if (error == EPERM || error == EACCES)
    return {errno_text(error) + ", though the capabilities are held",
            "allow bpf(2) in the seccomp profile, the security module and the lockdown mode that "
            "apply here"};
  if (error == ENOSYS)
    return {"this kernel has no bpf(2)", "use a kernel with CONFIG_BPF_SYSCALL"};
  return {errno_text(error), "use Linux 5.17 or later with BPF"};
}

Probe btf_probe(const ProbeContext& context) {
  Probe probe{.id = "btf", .title = "kernel BTF"};
  const std::filesystem::path path = context.host.sys() / "kernel/btf/vmlinux";
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size == 0)
    return failed(std::move(probe), path.string() + " is not there",
                  std::string(kNoRecording) + ": BPF programs cannot be fitted to this kernel",
                  "use a kernel with CONFIG_DEBUG_INFO_BTF, as distributions build them");
  probe.result = path.string() + ", " + std::to_string(size / 1024) + " KiB";
  return probe;
}

Probe program_probe(const ProbeContext& context) {
  Probe probe{.id = "bpf-program", .title = "BPF program"};
  const Trial loaded = load_perf_program(context.environment.calls);
  if (!loaded) {
    const Refusal refusal = explain_bpf(loaded.error(), context.host, true);
    return failed(std::move(probe), "a perf_event program does not load: " + refusal.why,
                  kNoRecording, refusal.remedy);
  }
  const Trial event = open_sampling_event(context.environment.calls, PERF_TYPE_SOFTWARE,
                                          PERF_COUNT_SW_CPU_CLOCK, context.host.first_cpu());
  if (!event) {
    probe.result = "a perf_event program loads (no event to attach it to, see sampling event)";
    return probe;
  }
  const long attached = context.environment.calls.attach(event->get(), loaded->get());
  if (attached < 0)
    return failed(std::move(probe),
                  "a perf_event program does not attach to an event: " +
                      errno_text(static_cast<int>(-attached)),
                  kNoRecording, "use a kernel with CONFIG_BPF_EVENTS");
  probe.result = "a perf_event program loads and attaches";
  return probe;
}

Probe helper_probe(const ProbeContext& context) {
  struct Helper {
    uint32_t number;
    std::string_view name;
  };
  constexpr std::array kHelpers = {
      Helper{BPF_FUNC_loop, "bpf_loop"},
      Helper{BPF_FUNC_task_pt_regs, "bpf_task_pt_regs"},
      Helper{BPF_FUNC_get_current_task_btf, "bpf_get_current_task_btf"},
      Helper{BPF_FUNC_ringbuf_output, "bpf_ringbuf_output"},
      Helper{BPF_FUNC_get_stack, "bpf_get_stack"},
  };
  Probe probe{.id = "bpf-helpers", .title = "BPF helpers"};
  std::string missing;
  for (const Helper& helper : kHelpers) {
    const auto there = helper_exists(context.environment.calls, helper.number);
    if (!there) {
      const Refusal refusal = explain_bpf(there.error(), context.host, true);
      return failed(std::move(probe),
                    std::string(helper.name) + " could not be tried: " + refusal.why, kNoRecording,
                    refusal.remedy);
    }
    std::string& list = *there ? probe.result : missing;
    list.append(list.empty() ? "" : ", ").append(helper.name);
  }
  if (!missing.empty())
    return failed(std::move(probe), "this kernel lacks " + missing, kNoRecording,
                  "use Linux 5.17 or later, or a distribution's kernel with these backported");
  return probe;
}

Probe ring_buffer_probe(const ProbeContext& context) {
  Probe probe{.id = "ring-buffer", .title = "BPF ring buffer"};
  constexpr uint32_t kSmallest = 256 * 1024;
  const Trial map = create_ring_buffer(context.environment.calls, kSmallest);
  if (map) {
    probe.result = "a map of 256 KiB was made";
    return probe;
  }
  const Refusal refusal = explain_bpf(map.error(), context.host, false);
  return failed(std::move(probe), "cannot be made: " + refusal.why, kNoRecording, refusal.remedy);
}

Probe tracepoint_probe(const ProbeContext& context) {
  Probe probe{.id = "tracepoints", .title = "BTF tracepoints"};
  const std::string consequence = "children of a target are recorded a moment after they start, "
                                  "not from their first instruction";
  const auto type =
      find_tracepoint_type(context.host.sys() / "kernel/btf/vmlinux", "sched_process_exec");
  if (!type)
    return warned(std::move(probe), "the kernel's BTF does not name sched_process_exec",
                  consequence, "use a kernel with CONFIG_DEBUG_INFO_BTF and tracepoints");
  const Trial attached = attach_tracepoint(context.environment.calls, *type);
  if (!attached) {
    const Refusal refusal = explain_bpf(attached.error(), context.host, true);
    return warned(std::move(probe), "a program does not attach: " + refusal.why, consequence,
                  refusal.remedy);
  }
  probe.result = "a program attaches to sched_process_exec";
  return probe;
}

// Makes a map in a child process whose limit is 0: 0, or the errno value.
int map_without_locked_memory(const KernelCalls& calls) {
  const pid_t child = ::fork();
  if (child < 0)
    return errno;
  if (child == 0) {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_MEMLOCK, &none);
    const Trial map = create_array(calls, 65536);
    ::_exit(map ? 0 : map.error());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

std::string limit_text(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit / 1024) + " KiB";
}

Probe locked_memory_probe(const ProbeContext& context) {
  Probe probe{.id = "memlock", .title = "RLIMIT_MEMLOCK"};
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  probe.result = limit_text(limit.rlim_cur);
  const Trial map = create_array(context.environment.calls, 65536);
  if (!map) {
    probe.status = ProbeStatus::kNote;
    probe.result += "; whether it limits BPF maps could not be tried";
    return probe;
  }
  if (map_without_locked_memory(context.environment.calls) == 0) {
    probe.result += ", which does not matter: BPF maps count as the memory cgroup's";
    return probe;
  }
  if (limit.rlim_cur == RLIM_INFINITY)
    return probe;
  return warned(std::move(probe), limit_text(limit.rlim_cur) + ", which limits BPF maps here",
                "large maps may be refused",
                "raise it: ulimit -l unlimited, LimitMEMLOCK=infinity");
}

} // namespace

std::vector<Probe> bpf_probes(const ProbeContext& context) {
  std::vector<Probe> probes;
  probes.push_back(btf_probe(context));
  probes.push_back(program_probe(context));
  probes.push_back(helper_probe(context));
  probes.push_back(ring_buffer_probe(context));
  probes.push_back(tracepoint_probe(context));
  probes.push_back(locked_memory_probe(context));
  return probes;
}

} // namespace pprofd
