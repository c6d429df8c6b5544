#include <array>
#include <cstdio>

#include "daemon/doctor/kernel_trial.h"
#include "tests/unit/daemon/doctor/fake_host.h"

namespace pprofd {
namespace {

constexpr const char* kKernelBtf = "/sys/kernel/btf/vmlinux";

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), size);
  ::pclose(pipe);
  return text;
}

TEST(FindTracepointType, AgreesWithBpftool) {
  if (!std::filesystem::exists(kKernelBtf))
    GTEST_SKIP() << "this kernel has no BTF";
  for (const std::string name : {"sched_process_exec", "sched_process_fork", "sched_switch"}) {
    const std::string line =
        output_of("PATH=$PATH:/usr/sbin bpftool btf dump file /sys/kernel/btf/vmlinux format raw | "
                  "sed -n \"s/^\\[\\([0-9]*\\)\\] TYPEDEF 'btf_trace_" +
                  name + "'.*/\\1/p\"");
    ASSERT_FALSE(line.empty()) << "bpftool found none";
    EXPECT_EQ(find_tracepoint_type(kKernelBtf, name), std::stoul(line)) << name;
  }
  EXPECT_EQ(find_tracepoint_type(kKernelBtf, "no_such_tracepoint"), std::nullopt);
}

TEST(FindTracepointType, RefusesEveryTruncationOfAFile) {
  FakeHost fake;
  const std::filesystem::path path = fake.environment().sys / "kernel/btf/vmlinux";
  EXPECT_EQ(find_tracepoint_type(path, "sched_process_exec"), 1U);
  for (auto size = std::filesystem::file_size(path); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    EXPECT_EQ(find_tracepoint_type(path, "sched_process_exec"), std::nullopt) << size;
  }
  EXPECT_EQ(find_tracepoint_type("/nonexistent", "sched_process_exec"), std::nullopt);
}

TEST(FindTracepointType, StandsOffsetsThatLie) {
  FakeHost fake;
  const std::filesystem::path path = fake.environment().sys / "kernel/btf/vmlinux";
  std::string file(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary)
      .read(file.data(), static_cast<std::streamsize>(file.size()));
  for (size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(0xff);
    fake.write("sys/kernel/btf/vmlinux", changed);
    const auto found = find_tracepoint_type(path, "sched_process_exec");
    EXPECT_TRUE(!found || *found == 1U) << at;
  }
}

TEST(HelperExists, ReadsTheVerifiersVerdict) {
  struct Case {
    int error;
    std::string log;
    std::expected<bool, int> answer;
  };
  const std::vector<Case> cases = {
      {EACCES, "0: (85) call bpf_loop#181\nR1 !read_ok\n", true},
      {EINVAL, "0: (85) call unknown#181\ninvalid func unknown#181\n", false},
      {EINVAL, "0: (85) call bpf_loop#181\nunknown func bpf_loop#181\n", false},
      {EINVAL, "program of this type cannot use helper bpf_loop#181\n", false},
      {EINVAL, "", false},
      {EPERM, "", std::unexpected(EPERM)},
      {ENOSYS, "", std::unexpected(ENOSYS)},
  };
  for (const Case& test : cases) {
    KernelCalls calls = KernelCalls::real();
    calls.bpf = [&](int /*command*/, bpf_attr& attr) {
      return refuse_program(attr, test.error, test.log);
    };
    EXPECT_EQ(helper_exists(calls, 181), test.answer) << test.log;
  }
}

TEST(HelperExists, KnowsThatThisKernelLacksAHelperNobodyHas) {
  const KernelCalls calls = KernelCalls::real();
  if (!load_perf_program(calls))
    GTEST_SKIP() << "needs BPF: root and a kernel that allows it";
  EXPECT_EQ(helper_exists(calls, BPF_FUNC_get_stack), true);
  EXPECT_EQ(helper_exists(calls, 100'000), false);
}

} // namespace
} // namespace pprofd
