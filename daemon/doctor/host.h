// What the probes read about the host, once: privileges, settings, namespaces. Absent files read as
// "unknown".
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pprofd {

enum class Capability : uint8_t {
  kDacOverride = CAP_DAC_OVERRIDE,
  kDacReadSearch = CAP_DAC_READ_SEARCH,
  kSetgid = CAP_SETGID,
  kSetuid = CAP_SETUID,
  kSysPtrace = CAP_SYS_PTRACE,
  kSysAdmin = CAP_SYS_ADMIN,
  kSyslog = CAP_SYSLOG,
  kPerfmon = CAP_PERFMON,
  kBpf = CAP_BPF,
  kCheckpointRestore = CAP_CHECKPOINT_RESTORE,
};

struct Mount {
  std::string point;
  std::string type;
  std::string options; // of the file system: "rw,cpu,cpuacct"
};

class Host {
public:
  Host(const std::filesystem::path& proc, const std::filesystem::path& sys);

  // Whether this process holds it (CapEff), in the initial user namespace: elsewhere it counts for
  // nothing that the kernel asks of a profiler.
  [[nodiscard]] bool holds(Capability capability) const;
  [[nodiscard]] bool in_initial_user_namespace() const { return initial_user_namespace_; }
  // Unknown reads as the initial one.
  [[nodiscard]] bool in_initial_pid_namespace() const { return initial_pid_namespace_; }
  [[nodiscard]] bool filtered_by_seccomp() const { return seccomp_ > 0; }

  // A number below /proc/sys/kernel.
  [[nodiscard]] std::optional<int64_t> setting(std::string_view name) const;
  [[nodiscard]] std::string release() const;
  // The first CPU that is online.
  [[nodiscard]] int first_cpu() const { return first_cpu_; }
  [[nodiscard]] std::string online_cpus() const { return online_cpus_; }
  [[nodiscard]] std::vector<Mount> mounts() const;
  // "none", "integrity", "confidentiality"; empty where the kernel has no lockdown.
  [[nodiscard]] std::string lockdown() const;

  [[nodiscard]] const std::filesystem::path& proc() const { return proc_; }
  [[nodiscard]] const std::filesystem::path& sys() const { return sys_; }

private:
  std::filesystem::path proc_;
  std::filesystem::path sys_;
  uint64_t capabilities_ = 0;
  int seccomp_ = 0;
  bool initial_user_namespace_ = true;
  bool initial_pid_namespace_ = true;
  std::string online_cpus_;
  int first_cpu_ = 0;
};

// The first line of a file; nothing if it cannot be read.
std::optional<std::string> first_line(const std::filesystem::path& path);

} // namespace pprofd
