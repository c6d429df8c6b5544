#include <gmock/gmock.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "daemon/doctor/probes.h"
#include "daemon/doctor/report.h"
#include "tests/unit/daemon/doctor/fake_host.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Probe& probe_of(const std::vector<Probe>& probes, std::string_view id) {
  const auto found = std::ranges::find(probes, id, &Probe::id);
  if (found == probes.end())
    throw std::invalid_argument("no probe " + std::string(id));
  return *found;
}

std::vector<std::string> ids_with(const std::vector<Probe>& probes, ProbeStatus status) {
  std::vector<std::string> ids;
  for (const Probe& probe : probes)
    if (probe.status == status)
      ids.push_back(probe.id);
  return ids;
}

std::vector<std::string> failures(const FakeHost& host) {
  return ids_with(run_probes(host.environment()), ProbeStatus::kFailed);
}

std::vector<std::string> warnings(const FakeHost& host) {
  std::vector<std::string> ids = ids_with(run_probes(host.environment()), ProbeStatus::kWarning);
  std::erase(ids, "sandbox"); // of the process that runs this test
  return ids;
}

Error explained(const FakeHost& host) {
  return explain_start_failure(host.environment(), {"load", "it failed", ""});
}

TEST(Probes, AreAllGoodOnAGoodHost) {
  FakeHost host;
  const std::vector<Probe> probes = run_probes(host.environment());
  EXPECT_TRUE(recording_possible(probes));
  EXPECT_THAT(failures(host), IsEmpty());
  EXPECT_THAT(warnings(host), IsEmpty());
  EXPECT_THAT(ids_with(probes, ProbeStatus::kNote), ElementsAre("hardware-events"));
}

TEST(Probes, BadOnesSayWhatFollowsAndWhatHelps) {
  FakeHost host;
  host.capabilities(0);
  host.remove("sys");
  host.remove("proc/kallsyms");
  host.remove("proc/self/mountinfo");
  host.calls.bpf = [](int, bpf_attr&) { return long{-EPERM}; };
  host.calls.perf_event_open = [](perf_event_attr&, pid_t, int) { return long{-EACCES}; };
  for (const Probe& probe : run_probes(host.environment())) {
    const bool bad = probe.status == ProbeStatus::kFailed || probe.status == ProbeStatus::kWarning;
    EXPECT_EQ(bad, !probe.consequence.empty()) << probe.id;
    EXPECT_EQ(bad, !probe.remedy.empty()) << probe.id;
    EXPECT_FALSE(probe.result.empty()) << probe.id;
    EXPECT_FALSE(probe.title.empty()) << probe.id;
  }
}

TEST(Probes, NameEachMissingCapability) {
  struct Case {
    int capability;
    std::string id;
    bool required;
  };
  const std::vector<Case> cases = {
      {19, "cap-sys-ptrace", false},
      {34, "cap-syslog", false},
      {7, "cap-setuid", false},
      {6, "cap-setgid", false},
  };
  for (const Case& test : cases) {
    FakeHost host;
    host.capabilities(kAllCapabilities & ~(uint64_t{1} << test.capability));
    EXPECT_THAT(warnings(host), ElementsAre(test.id));
  }
}

TEST(Probes, TakeCapSysAdminForTheCapabilitiesSplitFromIt) {
  const uint64_t split = (uint64_t{1} << 38) | (uint64_t{1} << 39) | (uint64_t{1} << 40);
  FakeHost host;
  host.capabilities(kAllCapabilities & ~split);
  EXPECT_THAT(failures(host), IsEmpty());
  EXPECT_THAT(warnings(host), IsEmpty());
  host.capabilities(kAllCapabilities & ~split & ~kSysAdminBit);
  EXPECT_THAT(failures(host), ElementsAre("cap-bpf", "cap-perfmon"));
  EXPECT_THAT(warnings(host), ElementsAre("cap-checkpoint-restore"));
  EXPECT_EQ(explained(host).why, "missing CAP_BPF and CAP_PERFMON");
  EXPECT_THAT(explained(host).hint, HasSubstr("CAP_BPF and CAP_PERFMON"));
}

TEST(Probes, FindMissingBtf) {
  FakeHost host;
  host.remove("sys/kernel/btf");
  EXPECT_THAT(failures(host), ElementsAre("btf"));
  EXPECT_THAT(warnings(host), ElementsAre("tracepoints"));
  EXPECT_THAT(explained(host).why, HasSubstr("kernel BTF: "));
  EXPECT_THAT(explained(host).hint, HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST(Probes, BlameParanoidLevelFourOnlyWhereEventsDoNotOpen) {
  FakeHost host;
  host.write("proc/sys/kernel/perf_event_paranoid", "4\n");
  EXPECT_THAT(warnings(host), IsEmpty()) << "CAP_SYS_ADMIN overrides it";
  host.capabilities(kAllCapabilities & ~kSysAdminBit);
  EXPECT_THAT(warnings(host), ElementsAre("perf-event-paranoid"));
  EXPECT_THAT(failures(host), IsEmpty()) << "not every kernel knows the level";
  host.calls.perf_event_open = [](perf_event_attr&, pid_t, int) { return long{-EACCES}; };
  EXPECT_THAT(failures(host), ElementsAre("sampling-event", "side-band"));
  EXPECT_THAT(explained(host).why, HasSubstr("kernel.perf_event_paranoid is 4"));
  EXPECT_THAT(explained(host).hint, HasSubstr("sysctl kernel.perf_event_paranoid=2"));
}

TEST(Probes, FindHiddenKernelAddresses) {
  FakeHost host;
  host.write("proc/sys/kernel/kptr_restrict", "2\n");
  host.write("proc/kallsyms", "0000000000000000 T _stext\n0000000000000000 T _text\n");
  const std::vector<Probe> probes = run_probes(host.environment());
  const Probe& symbols = probe_of(probes, "kernel-symbols");
  EXPECT_EQ(symbols.status, ProbeStatus::kWarning);
  EXPECT_THAT(symbols.result, HasSubstr("kernel.kptr_restrict is 2"));
  EXPECT_THAT(symbols.remedy, HasSubstr("sysctl kernel.kptr_restrict=1"));
  EXPECT_TRUE(recording_possible(probes));

  host.write("proc/sys/kernel/kptr_restrict", "1\n");
  host.capabilities(0);
  EXPECT_THAT(probe_of(run_probes(host.environment()), "kernel-symbols").remedy,
              HasSubstr("CAP_SYSLOG"));
}

TEST(Probes, FindAKernelWithoutBpfLoop) {
  FakeHost host;
  host.calls.bpf = [](int command, bpf_attr& attr) {
    if (command != BPF_PROG_LOAD || helper_called(attr) == 0)
      return some_descriptor();
    return helper_called(attr) == BPF_FUNC_loop
               ? refuse_program(attr, EINVAL, "invalid func unknown#181")
               : refuse_program(attr, EACCES, "R1 !read_ok");
  };
  EXPECT_THAT(failures(host), ElementsAre("bpf-helpers"));
  EXPECT_THAT(explained(host).why, HasSubstr("this kernel lacks bpf_loop"));
  EXPECT_THAT(explained(host).hint, HasSubstr("5.17"));
}

TEST(Probes, FindAKernelWithoutRingBuffers) {
  FakeHost host;
  const auto answer = host.calls.bpf;
  host.calls.bpf = [answer](int command, bpf_attr& attr) {
    const bool ring = command == BPF_MAP_CREATE && attr.map_type == BPF_MAP_TYPE_RINGBUF;
    return ring ? long{-EINVAL} : answer(command, attr);
  };
  EXPECT_THAT(failures(host), ElementsAre("ring-buffer"));
}

TEST(Probes, FindKernelsWithoutBpfOrEvents) {
  FakeHost host;
  host.calls.bpf = [](int, bpf_attr&) { return long{-ENOSYS}; };
  EXPECT_THAT(explained(host).why, HasSubstr("no bpf(2)"));
  FakeHost other;
  other.calls.perf_event_open = [](perf_event_attr&, pid_t, int) { return long{-ENOSYS}; };
  EXPECT_THAT(explained(other).why, HasSubstr("no perf_event_open(2)"));
}

TEST(Probes, SuspectAPolicyWherePrivilegesAreNotEnough) {
  FakeHost host;
  host.calls.bpf = [](int, bpf_attr&) { return long{-EPERM}; };
  EXPECT_THAT(explained(host).hint, HasSubstr("seccomp"));
  FakeHost other;
  other.calls.perf_event_open = [](perf_event_attr&, pid_t, int) { return long{-EPERM}; };
  EXPECT_THAT(explained(other).hint, HasSubstr("seccomp"));
}

TEST(Probes, FindProgramsThatDoNotAttach) {
  FakeHost host;
  host.calls.attach = [](int, int) { return long{-EOPNOTSUPP}; };
  EXPECT_THAT(failures(host), ElementsAre("bpf-program"));
}

TEST(Probes, DoWithoutBuildIdsAndTracepoints) {
  FakeHost host;
  const auto open = host.calls.perf_event_open;
  host.calls.perf_event_open = [open](perf_event_attr& attr, pid_t pid, int cpu) {
    return attr.build_id != 0 ? long{-EINVAL} : open(attr, pid, cpu);
  };
  const auto bpf = host.calls.bpf;
  host.calls.bpf = [bpf](int command, bpf_attr& attr) {
    return command == BPF_RAW_TRACEPOINT_OPEN ? long{-EINVAL} : bpf(command, attr);
  };
  EXPECT_THAT(warnings(host), ElementsAre("tracepoints", "side-band"));
  EXPECT_THAT(failures(host), IsEmpty());
}

TEST(Probes, ListHardwareEventsThatOpen) {
  FakeHost host;
  host.calls.perf_event_open = [](perf_event_attr& attr, pid_t, int) {
    const bool there = attr.type == PERF_TYPE_SOFTWARE ||
                       attr.config == PERF_COUNT_HW_CACHE_MISSES ||
                       attr.config == PERF_COUNT_HW_CPU_CYCLES;
    return there ? some_descriptor() : long{-ENOENT};
  };
  const std::vector<Probe> probes = run_probes(host.environment());
  EXPECT_EQ(probe_of(probes, "hardware-events").result, "cycles, cache-misses");
}

TEST(Probes, OpenEventsOnACpuThatIsOnline) {
  FakeHost host;
  host.calls.perf_event_open = [](perf_event_attr&, pid_t, int cpu) {
    return cpu == 1 ? some_descriptor() : long{-ENODEV};
  };
  EXPECT_THAT(failures(host), IsEmpty());
}

TEST(Probes, FindForeignNamespaces) {
  FakeHost host;
  host.link("proc/self/ns/pid", "pid:[4026532999]");
  EXPECT_THAT(failures(host), ElementsAre("pid-namespace"));
  EXPECT_THAT(explained(host).hint, HasSubstr("hostPID"));
  FakeHost other;
  other.link("proc/self/ns/user", "user:[4026532999]");
  EXPECT_THAT(failures(other), ElementsAre("cap-bpf", "cap-perfmon"));
}

TEST(Probes, TellCgroupModesApart) {
  const std::string v1 = "31 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
  const std::string v2 = "32 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {v1, "v1 at /sys/fs/cgroup/cpu"},
      {v2, "v2 at /sys/fs/cgroup/unified"},
      {v1 + v2, "hybrid: v2 at /sys/fs/cgroup/unified; v1 at /sys/fs/cgroup/cpu"},
  };
  for (const auto& [mounts, result] : cases) {
    FakeHost host;
    host.write("proc/self/mountinfo", mounts);
    EXPECT_EQ(probe_of(run_probes(host.environment()), "cgroups").result, result);
  }
  FakeHost host;
  host.write("proc/self/mountinfo", "");
  EXPECT_THAT(warnings(host), ElementsAre("cgroups"));
}

TEST(Probes, FindALowSampleRateAndLockdown) {
  FakeHost host;
  host.write("proc/sys/kernel/perf_event_max_sample_rate", "50\n");
  host.write("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  EXPECT_THAT(warnings(host), ElementsAre("lockdown", "sample-rate"));
}

TEST(Probes, FindAnOutputThatCannotBeUsed) {
  FakeHost host;
  ProbeEnvironment environment = host.environment();
  environment.output = host.folder() / "missing";
  EXPECT_EQ(probe_of(run_probes(environment), "output-space").status, ProbeStatus::kWarning);
}

TEST(ExplainStartFailure, LeavesAFailureThatNoProbeExplains) {
  FakeHost host;
  const Error error = explained(host);
  EXPECT_EQ(error.what, "load");
  EXPECT_EQ(error.why, "it failed");
}

size_t open_descriptors() {
  return static_cast<size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

TEST(RealProbes, FindThisMachineFitForRecordingAndLeaveNothingOpen) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root";
  const size_t before = open_descriptors();
  const std::vector<Probe> probes = run_probes({});
  EXPECT_TRUE(recording_possible(probes)) << doctor_text(probes, false);
  EXPECT_EQ(open_descriptors(), before);
}

// What `run` writes into the pipe, run in a child process with another user's privileges.
std::string as_nobody(const std::function<std::string()>& run) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return {};
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    const bool changed = ::setgroups(0, nullptr) == 0 &&
                         ::setresgid(kNobody, kNobody, kNobody) == 0 &&
                         ::setresuid(kNobody, kNobody, kNobody) == 0;
    const std::string text = changed ? run() : "could not become nobody";
    [[maybe_unused]] const ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(size));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST(RealProbes, NameTheMissingCapabilitiesToAnUnprivilegedUser) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root";
  const std::string text = as_nobody([] { return doctor_text(run_probes({}), false); });
  for (const char* name : {"CAP_BPF", "CAP_PERFMON"})
    EXPECT_THAT(text, HasSubstr("FAIL  " + std::string(name) + ": missing"));
  for (const char* name : {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE",
                           "CAP_SYSLOG", "CAP_SETUID", "CAP_SETGID"})
    EXPECT_THAT(text, HasSubstr("WARN  " + std::string(name) + ": missing"));
  EXPECT_THAT(text, HasSubstr("does not load: not permitted without CAP_BPF"));
  EXPECT_THAT(text, HasSubstr("Recording is not possible: CAP_BPF, CAP_PERFMON"));
  const std::string why = as_nobody([] {
    const Error error = explain_start_failure({}, {"load the programs", "EPERM", ""});
    return error.what + ": " + error.why;
  });
  EXPECT_EQ(why, "start recording: missing CAP_BPF and CAP_PERFMON");
}

} // namespace
} // namespace pprofd
