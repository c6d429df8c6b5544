#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "daemon/doctor/probe_groups.h"

namespace pprofd {
namespace {

// Whether kallsyms shows addresses to this process: the first symbols are per-CPU offsets on some
// kernels, hence zero even then.
enum class Kallsyms { kMissing, kHidden, kReadable };

Kallsyms read_kallsyms(const std::filesystem::path& path) {
  constexpr int kEnough = 65536;
  std::ifstream file(path);
  if (!file)
    return Kallsyms::kMissing;
  std::string line;
  for (int i = 0; i < kEnough && std::getline(file, line); ++i)
    if (line.substr(0, line.find(' ')).find_first_not_of('0') != std::string::npos)
      return Kallsyms::kReadable;
  return Kallsyms::kHidden;
}

Probe kernel_symbols_probe(const ProbeContext& context) {
  Probe probe{.id = "kernel-symbols", .title = "kernel symbols"};
  const Host& host = context.host;
  const Kallsyms state = read_kallsyms(host.proc() / "kallsyms");
  const int64_t restriction = host.setting("kptr_restrict").value_or(0);
  const std::string setting = "kernel.kptr_restrict is " + std::to_string(restriction);
  if (state == Kallsyms::kReadable) {
    probe.result = "kallsyms shows addresses (" + setting + ")";
    return probe;
  }
  const std::string consequence = "functions of the kernel have no names";
  if (state == Kallsyms::kMissing)
    return warned(std::move(probe), "kallsyms cannot be read", consequence,
                  "use a kernel with CONFIG_KALLSYMS; in a service, no ProtectKernelTunables= and "
                  "no ProcSubset=pid");
  if (restriction >= 2)
    return warned(std::move(probe), "kallsyms hides addresses from everybody (" + setting + ")",
                  consequence, "as root: sysctl kernel.kptr_restrict=1");
  const std::string remedy = host.holds(Capability::kSyslog)
                                 ? "allow reading /proc/kallsyms in the security module"
                                 : "run it as root, or add CAP_SYSLOG";
  return warned(std::move(probe), "kallsyms hides addresses (" + setting + ")", consequence,
                remedy);
}

// A part of the sandbox, tried in a child process, which ends with 0 where it worked.
template <typename Attempt> bool works_in_child(Attempt attempt) {
  const pid_t child = ::fork();
  if (child == 0)
    ::_exit(attempt() ? 0 : 1);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return false;
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool filter_system_calls() {
  std::array program = {sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

bool change_user() {
  constexpr uid_t kNobody = 65534;
  return ::setresgid(kNobody, kNobody, kNobody) == 0 && ::setresuid(kNobody, kNobody, kNobody) == 0;
}

Probe sandbox_probe() {
  struct Part {
    std::string_view name;
    bool works;
  };
  const std::array parts = {
      Part{"own user", works_in_child(change_user)},
      Part{"no_new_privs",
           works_in_child([] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; })},
      Part{"seccomp", works_in_child(filter_system_calls)},
      Part{"user namespace", works_in_child([] { return ::unshare(CLONE_NEWUSER) == 0; })},
  };
  Probe probe{.id = "sandbox", .title = "the worker's sandbox"};
  std::string missing;
  for (const Part& part : parts) {
    std::string& list = part.works ? probe.result : missing;
    list.append(list.empty() ? "" : ", ").append(part.name);
  }
  if (!missing.empty())
    probe.result += (probe.result.empty() ? "without " : "; without ") + missing;
  // A namespace adds nothing to a user of its own.
  const bool confined = parts[1].works && parts[2].works && (parts[0].works || parts[3].works);
  if (confined)
    return probe;
  const std::string result = probe.result;
  return warned(std::move(probe), result,
                "what reads executables of anybody is confined by fewer walls",
                "run it with CAP_SETUID and CAP_SETGID, on a kernel with CONFIG_SECCOMP_FILTER");
}

} // namespace

std::vector<Probe> name_probes(const ProbeContext& context) {
  return {kernel_symbols_probe(context), sandbox_probe()};
}

} // namespace pprofd
