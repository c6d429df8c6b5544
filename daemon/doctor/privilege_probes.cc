#include <array>
#include <string_view>

#include "daemon/doctor/probe_groups.h"

namespace pprofd {
namespace {

struct CapabilityUse {
  Capability capability;
  std::string_view id;
  std::string_view name;
  std::string_view use;
  std::string_view without; // what follows where it is missing
  bool required;            // for any recording
  Capability substitute;    // does as well; itself where nothing else does
};

constexpr std::array kUses = {
    CapabilityUse{Capability::kBpf, "cap-bpf", "CAP_BPF", "loads BPF programs and makes their maps",
                  kNoRecording, true, Capability::kSysAdmin},
    CapabilityUse{Capability::kPerfmon, "cap-perfmon", "CAP_PERFMON",
                  "samples all processes and reads the kernel's stacks", kNoRecording, true,
                  Capability::kSysAdmin},
    CapabilityUse{Capability::kSysPtrace, "cap-sys-ptrace", "CAP_SYS_PTRACE",
                  "reads the mappings and files of other users' processes",
                  "only processes of this user get names; the others' frames are addresses", false,
                  Capability::kSysPtrace},
    CapabilityUse{Capability::kDacReadSearch, "cap-dac-read-search", "CAP_DAC_READ_SEARCH",
                  "reads executables that only their owner may read",
                  "functions of such executables have no names", false, Capability::kDacOverride},
    CapabilityUse{Capability::kCheckpointRestore, "cap-checkpoint-restore",
                  "CAP_CHECKPOINT_RESTORE", "opens executables that were deleted or replaced",
                  "functions of deleted or replaced executables have no names", false,
                  Capability::kSysAdmin},
    CapabilityUse{Capability::kSyslog, "cap-syslog", "CAP_SYSLOG",
                  "reads the addresses of kernel functions",
                  "functions of the kernel may have no names", false, Capability::kSyslog},
    CapabilityUse{Capability::kSetuid, "cap-setuid", "CAP_SETUID",
                  "gives the symbolizing worker, and a started command, another user",
                  "the worker runs as this user; other measures still confine it", false,
                  Capability::kSetuid},
    CapabilityUse{Capability::kSetgid, "cap-setgid", "CAP_SETGID",
                  "gives the symbolizing worker, and a started command, another group",
                  "the worker runs in this group; other measures still confine it", false,
                  Capability::kSetgid},
};

std::string remedy_for(const CapabilityUse& use, const Host& host) {
  if (!host.in_initial_user_namespace())
    return "run it outside the user namespace (not in a rootless container)";
  return std::string("run it as root (sudo), or add ") + std::string(use.name) +
         " (systemd: AmbientCapabilities=, a container: --cap-add)";
}

Probe capability_probe(const CapabilityUse& use, const Host& host) {
  Probe probe{.id = std::string(use.id), .title = std::string(use.name)};
  const std::string does = std::string(use.use);
  if (host.holds(use.capability)) {
    probe.result = "held: " + does;
    return probe;
  }
  if (host.holds(use.substitute)) {
    const bool admin = use.substitute == Capability::kSysAdmin;
    probe.result = (admin ? "CAP_SYS_ADMIN" : "CAP_DAC_OVERRIDE") + (" stands for it: " + does);
    return probe;
  }
  const std::string missing =
      (host.in_initial_user_namespace() ? "missing: " : "missing outside this user namespace: ") +
      does;
  return (use.required ? failed : warned)(std::move(probe), missing, std::string(use.without),
                                          remedy_for(use, host));
}

} // namespace

std::vector<Probe> privilege_probes(const ProbeContext& context) {
  std::vector<Probe> probes;
  probes.reserve(std::size(kUses) + 1);
  for (const CapabilityUse& use : kUses)
    probes.push_back(capability_probe(use, context.host));
  // Asked for by other probes where it helps.
  Probe admin{.id = "cap-sys-admin", .title = "CAP_SYS_ADMIN"};
  admin.result = context.host.holds(Capability::kSysAdmin)
                     ? "held; CAP_BPF and CAP_PERFMON would do"
                     : "not held, and not needed while perf_event_paranoid is at most 2";
  probes.push_back(std::move(admin));
  return probes;
}

} // namespace pprofd
