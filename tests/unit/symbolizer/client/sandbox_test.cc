// What the running worker is allowed, as the kernel tells it in /proc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "symbolizer/base/sanitized.h"
#include "symbolizer/client/worker_client.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;
using testing::HasSubstr;

WorkerOptions options_with(const std::string& program = PPROFD_TEST_WORKER) {
  WorkerOptions options;
  options.program = program;
  options.deadline = std::chrono::seconds(30);
  return options;
}

std::string proc(pid_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// A line "Key:\tvalue" of /proc/PID/status.
std::string field(pid_t pid, const std::string& key) {
  for (const std::string& line : test::lines_of(test::read_file(proc(pid, "status"))))
    if (line.starts_with(key + ":\t"))
      return line.substr(key.size() + 2);
  return "?";
}

std::string limit(pid_t pid, const std::string& name) {
  for (const std::string& line : test::lines_of(test::read_file(proc(pid, "limits"))))
    if (line.starts_with(name)) {
      std::istringstream fields(line.substr(26));
      std::string soft, hard;
      fields >> soft >> hard;
      EXPECT_EQ(soft, hard) << line;
      return soft;
    }
  return "?";
}

const SandboxPart& part(const WorkerStatus& status, const std::string& name) {
  const auto found = std::ranges::find(status.sandbox, name, &SandboxPart::name);
  EXPECT_NE(found, status.sandbox.end()) << name;
  return *found;
}

void expect_confined(pid_t pid) {
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
    EXPECT_EQ(field(pid, set), "0000000000000000") << set;
  EXPECT_EQ(field(pid, "NoNewPrivs"), "1");
  EXPECT_EQ(field(pid, "Seccomp"), "2"); // a filter
  EXPECT_EQ(limit(pid, "Max core file size"), "0");
  EXPECT_EQ(limit(pid, "Max file size"), "0");
  EXPECT_EQ(limit(pid, "Max open files"), "16");
  if (!kSanitized) {
    EXPECT_EQ(limit(pid, "Max data size"), "150000000");
  }
  EXPECT_EQ(test::read_file(proc(pid, "oom_score_adj")), "1000\n");
  EXPECT_EQ(test::read_file(proc(pid, "cmdline")), std::string("pprofd: worker\0__worker\0", 24));
  EXPECT_EQ(field(pid, "Name"), "pprofd: worker");
  EXPECT_EQ(::getpgid(pid), pid); // Ctrl-C does not reach it
  // Not dumpable: its files in /proc belong to root, hence nobody of its user may look inside.
  struct stat info{};
  ASSERT_EQ(::stat(proc(pid, "fd").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0U);
}

std::vector<std::string> descriptors(pid_t pid) {
  std::vector<std::string> targets;
  for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "fd"))) {
    std::error_code closed;
    const auto target = std::filesystem::read_symlink(entry.path(), closed);
    if (!closed)
      targets.push_back(entry.path().filename().string() + " " + target.string());
  }
  std::ranges::sort(targets);
  return targets;
}

TEST(Sandbox, AWorkerOfRootIsNobodyWithoutCapabilities) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root";
  WorkerClient client(options_with());
  ASSERT_EQ(client.start(), "");
  const WorkerStatus status = client.status();
  expect_confined(status.pid);
  EXPECT_EQ(field(status.pid, "CapBnd"), "0000000000000000");
  EXPECT_EQ(field(status.pid, "Groups"), " ");
  std::istringstream uids(field(status.pid, "Uid"));
  for (std::string uid; uids >> uid;)
    EXPECT_THAT(part(status, "user").detail, HasSubstr("(uid " + uid + ")"));
  EXPECT_NE(field(status.pid, "Uid").substr(0, 2), "0\t");
  for (const SandboxPart& measure : status.sandbox) {
    if (!kSanitized || measure.name != "memory") {
      EXPECT_TRUE(measure.applied) << measure.name << ": " << measure.detail;
    }
  }
}

TEST(Sandbox, OnlyTheSocketIsOpenAndNoFileIsKept) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root";
  const Fd inherited(::dup(0)); // without FD_CLOEXEC
  WorkerClient client(options_with());
  const Fd file = test::open_file("/proc/self/exe");
  const std::vector<FileOffset> asked = {{0x1000}};
  ASSERT_NE(client.symbolize(1, file.get(), asked).build_id, "");
  // The answer is sent before the file is let go of; the next one comes after.
  ASSERT_NE(client.symbolize(2, file.get(), {}).build_id, "");
  const auto open = [&] { return descriptors(client.status().pid); };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (open().size() > 4 && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_THAT(open(), testing::ElementsAre("0 /dev/null", "1 /dev/null", "2 /dev/null",
                                           testing::StartsWith("3 socket:")));
}

TEST(Sandbox, AnUnprivilegedWorkerKeepsItsUserAndSaysSo) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root to become somebody else";
  const Scratch scratch;
  const std::string worker = scratch.path("worker");
  std::filesystem::copy_file(PPROFD_TEST_WORKER, worker);
  const std::string program =
      scratch.write("program", "#!/bin/sh\nexec setpriv --reuid 12345 --regid 12345 --clear-groups "
                               "--inh-caps=-all " +
                                   worker + " \"$@\"\n");
  std::filesystem::permissions(program, std::filesystem::perms(0755));
  WorkerClient client(options_with(program));
  ASSERT_EQ(client.start(), "");
  const WorkerStatus status = client.status();
  EXPECT_EQ(field(status.pid, "Uid"), "12345\t12345\t12345\t12345");
  EXPECT_EQ(field(status.pid, "CapEff"), "0000000000000000");
  EXPECT_EQ(field(status.pid, "NoNewPrivs"), "1");
  EXPECT_EQ(field(status.pid, "Seccomp"), "2");
  EXPECT_FALSE(part(status, "user").applied);
  EXPECT_EQ(part(status, "user").detail, "stays uid 12345: clear groups: Operation not permitted");
  EXPECT_TRUE(part(status, "seccomp").applied);
  const Fd file = test::open_file("/proc/self/exe");
  EXPECT_NE(client.symbolize(1, file.get(), {}).build_id, "");
}

TEST(Sandbox, CpuTimeAndMemoryOfTheWorkerAreTold) {
  WorkerClient client(options_with());
  const Fd file = test::open_file("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
  std::vector<FileOffset> asked;
  for (uint64_t offset = 0xa0000; offset < 0x140000; offset += 16)
    asked.push_back({offset});
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (client.status().cpu_time.count() == 0 && std::chrono::steady_clock::now() < end)
    client.symbolize(1, file.get(), asked);
  const WorkerStatus status = client.status();
  EXPECT_GT(status.cpu_time.count(), 0);
  EXPECT_GT(status.anonymous_bytes, 100'000U);
  if (!kSanitized) {
    EXPECT_LT(status.anonymous_bytes, 50'000'000U);
  }
}

} // namespace
} // namespace pprofd::symbolizer
