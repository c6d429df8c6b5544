// A host made of a folder and of calls that answer as a test wants, for machines one does not have.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/doctor/probes.h"

namespace pprofd {

inline constexpr uint64_t kAllCapabilities = (uint64_t{1} << 41) - 1;
inline constexpr uint64_t kSysAdminBit = uint64_t{1} << 21;

// A descriptor that can be mapped, as a perf event's can.
inline long some_descriptor() {
  return ::open("/dev/zero", O_RDWR | O_CLOEXEC);
}

// A call of the helper in a program, as probes try it; 0: none.
inline int helper_called(const bpf_attr& load) {
  const auto* instructions = reinterpret_cast<const bpf_insn*>(load.insns);
  return instructions[0].code == (BPF_JMP | BPF_CALL) ? instructions[0].imm : 0;
}

inline long refuse_program(const bpf_attr& load, int error, std::string_view log) {
  if (load.log_size > log.size())
    std::memcpy(reinterpret_cast<char*>(load.log_buf), log.data(), log.size());
  return -error;
}

class FakeHost {
public:
  FakeHost() {
    std::string pattern = testing::TempDir() + "/host.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      std::abort();
    folder_ = pattern;
    std::filesystem::create_directories(folder_ / "proc/self/ns");
    link("proc/self/ns/pid", "pid:[4026531836]");
    link("proc/self/ns/user", "user:[4026531837]");
    capabilities(kAllCapabilities);
    write("proc/self/mountinfo",
          "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
    write("proc/sys/kernel/osrelease", "6.1.0-test\n");
    write("proc/sys/kernel/perf_event_paranoid", "2\n");
    write("proc/sys/kernel/perf_event_max_sample_rate", "100000\n");
    write("proc/sys/kernel/kptr_restrict", "1\n");
    write("proc/kallsyms", "0000000000000000 A fixed_percpu_data\nffffffff81000000 T _stext\n");
    write("sys/devices/system/cpu/online", "1-3\n");
    copy_btf();
    answer_everything();
  }
  ~FakeHost() { std::filesystem::remove_all(folder_); }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  void write(const std::string& path, std::string_view text) {
    std::filesystem::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }
  void link(const std::string& path, const std::string& target) {
    std::filesystem::remove(folder_ / path);
    std::filesystem::create_symlink(target, folder_ / path);
  }
  void remove(const std::string& path) { std::filesystem::remove_all(folder_ / path); }
  void capabilities(uint64_t set) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "Name:\tx\nCapEff:\t%016lx\nSeccomp:\t0\n", set);
    write("proc/self/status", text.data());
  }

  [[nodiscard]] ProbeEnvironment environment() const {
    return {.proc = folder_ / "proc", .sys = folder_ / "sys", .output = folder_, .calls = calls};
  }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  KernelCalls calls;

private:
  // BTF with one type, the typedef of a tracepoint: header, btf_type, strings.
  void copy_btf() {
    const std::string strings = std::string(1, '\0') + "btf_trace_sched_process_exec" + '\0';
    const std::array<uint32_t, 6> header = {0x0001eb9f, 24, 0,
                                            12,         12, static_cast<uint32_t>(strings.size())};
    const std::array<uint32_t, 3> type = {1, 8U << 24, 0};
    std::string file(sizeof(header) + sizeof(type), '\0');
    std::memcpy(file.data(), header.data(), sizeof(header));
    std::memcpy(file.data() + sizeof(header), type.data(), sizeof(type));
    write("sys/kernel/btf/vmlinux", file + strings);
  }

  // Hardware events are not there, as on most virtual machines.
  void answer_everything() {
    calls.bpf = [](int command, bpf_attr& attr) {
      if (command == BPF_PROG_LOAD && helper_called(attr) != 0)
        return refuse_program(attr, EACCES, "R1 !read_ok");
      return some_descriptor();
    };
    calls.perf_event_open = [](perf_event_attr& attr, pid_t /*pid*/, int /*cpu*/) {
      return attr.type == PERF_TYPE_HARDWARE ? long{-ENOENT} : some_descriptor();
    };
    calls.attach = [](int /*event*/, int /*program*/) { return 0L; };
  }

  std::filesystem::path folder_;
};

} // namespace pprofd
