// The process table on the running kernel, against what /proc and stat(2) say.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <list>
#include <random>
#include <set>
#include <thread>

#include "tests/unit/daemon/process/live/machine.h"

namespace pprofd {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

FileIdentity identity_of(const fs::path& path) {
  struct ::stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return pprofd::identity_of(info);
}

std::string content_of(const Fd& fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t got = 0;
       (got = ::pread(fd.get(), buffer, sizeof(buffer), static_cast<off_t>(text.size()))) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  return text;
}

std::string content_of(const fs::path& path) {
  return content_of(Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

class LiveProcessTest : public testing::Test {
protected:
  void start(const SidebandOptions& options = {}) {
    auto machine = Machine::start(options);
    if (!machine)
      GTEST_SKIP() << "needs perf events of all processes: " << machine.error().what << ": "
                   << machine.error().why << " (" << machine.error().hint << ")";
    machine_ = std::move(*machine);
  }

  // Whether the table has this program for the process.
  [[nodiscard]] bool runs(pid_t pid, const std::string& exe) const {
    const Process* process = machine_->latest(pid);
    return process != nullptr && *process->exe == exe;
  }

  // Every executable line of the process's maps is in the table, with the same file offset.
  void expect_mappings_as_in_proc(pid_t pid) const {
    const Process* process = machine_->latest(pid);
    ASSERT_NE(process, nullptr);
    const auto lines = ProcFs().maps(pid);
    ASSERT_TRUE(lines);
    EXPECT_FALSE(lines->empty());
    for (const ProcMapping& line : *lines) {
      for (const uint64_t address : {line.start.value, line.end.value - 1}) {
        const Mapping* mapping = process->find({address});
        ASSERT_NE(mapping, nullptr) << std::hex << address << " " << line.name;
        if (line.inode == 0)
          continue;
        EXPECT_EQ(mapping->kind, MappingKind::file);
        EXPECT_EQ(mapping->file_offset({address}).value,
                  address - line.start.value + line.offset.value);
        EXPECT_EQ(*mapping->name, line.name);
      }
    }
  }

  [[nodiscard]] const Executable& program(pid_t pid) const {
    static const Executable kNone{};
    const Process* process = machine_->latest(pid);
    return process != nullptr && process->executable ? *process->executable : kNone;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Machine> machine_;
};

TEST_F(LiveProcessTest, WhatRanBeforeIsReadFromProc) {
  Child child({HELPER, "wait"});
  ASSERT_EQ(child.line(), "ready");
  start();
  if (IsSkipped())
    return;
  const Process* process = machine_->table().find(child.pid(), child.start_time());
  EXPECT_EQ(process->comm, std::string("process_helper").substr(0, 15));
  EXPECT_EQ(*process->exe, HELPER);
  EXPECT_EQ(program(child.pid()).file, identity_of(fs::path(HELPER)));
  EXPECT_EQ(program(child.pid()).state, ExecutableState::open);
  EXPECT_EQ(process->parent, ::getpid());
  expect_mappings_as_in_proc(child.pid());
}

TEST_F(LiveProcessTest, ANewProcessIsKnownByItsEventsAlone) {
  start();
  if (IsSkipped())
    return;
  const ProcessTable::Stats before = machine_->table().stats();
  Child child({HELPER, "wait"});
  ASSERT_EQ(child.line(), "ready");
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), HELPER); }));
  machine_->pump(0ms);
  expect_mappings_as_in_proc(child.pid());
  const Process* process = machine_->latest(child.pid());
  EXPECT_EQ(process->parent, ::getpid());
  EXPECT_TRUE(std::ranges::any_of(process->space.live(), [](const Mapping& mapping) {
    return mapping.kind == MappingKind::vdso;
  }));
  EXPECT_EQ(process->mount_namespace, ProcFs().mount_namespace(::getpid()));
  EXPECT_EQ(machine_->table().find(child.pid(), child.start_time()), process);
  EXPECT_EQ(machine_->table().stats().rescans, before.rescans);
  EXPECT_EQ(machine_->table().stats().pid_reuses, before.pid_reuses) << "its fork was told twice";
  const pid_t pid = child.pid();
  child.finish();
  EXPECT_TRUE(machine_->pump_until([&] { return machine_->latest(pid)->exited; }));
  EXPECT_NE(machine_->latest(pid)->find({0xffffffffff600000}), nullptr);
}

// The budget's case: each a file of its own, gone after 20 to 50 ms.
TEST_F(LiveProcessTest, FiveHundredShortProcessesAreAllNamedAndOpened) {
  start();
  if (IsSkipped())
    return;
  static constexpr uint32_t kCount = 500;
  static constexpr size_t kParallel = 8;
  struct Run {
    pid_t pid;
    fs::path path;
    std::string build_id;
    FileIdentity identity;
  };
  std::vector<Run> runs;
  std::list<Child> running;
  std::mt19937 random(1);
  for (uint32_t i = 0; i < kCount; ++i) {
    const fs::path path = folder_.path() / ("program-" + std::to_string(i));
    const std::string build_id = copy_with_build_id(HELPER, path, i);
    if (running.size() == kParallel) {
      running.front().finish();
      running.pop_front();
    }
    running.emplace_back(
        std::vector<std::string>{path, "short", std::to_string(20 + (random() % 30))});
    runs.push_back({running.back().pid(), path, build_id, identity_of(path)});
    machine_->pump(2ms);
  }
  for (Child& child : running)
    child.finish();
  const auto ended = [&](const Run& run) {
    const Process* process = machine_->latest(run.pid);
    return process != nullptr && process->exited;
  };
  EXPECT_TRUE(machine_->pump_until([&] { return std::ranges::all_of(runs, ended); }));
  size_t named = 0;
  size_t opened = 0;
  std::set<uint32_t> ids;
  for (const Run& run : runs) {
    const Process* process = machine_->latest(run.pid);
    ASSERT_NE(process, nullptr);
    named += *process->exe == run.path ? 1 : 0;
    EXPECT_EQ(*process->exe, run.path)
        << "lost events: " << machine_->sideband().lost() << ", ghost: " << process->ghost
        << ", programs: " << process->execs;
    const Executable& executable = program(run.pid);
    opened += executable.file == run.identity ? 1 : 0;
    ids.insert(executable.id.value);
    if (machine_->sideband().has_build_ids()) {
      EXPECT_EQ(executable.build_id, run.build_id);
    }
  }
  EXPECT_EQ(named, kCount);
  EXPECT_EQ(opened, kCount);
  EXPECT_EQ(ids.size(), kCount);
}

TEST_F(LiveProcessTest, AProcessGoneBeforeAnybodyLookedIsNamedAndOpenedThroughANeighbour) {
  start();
  if (IsSkipped())
    return;
  const fs::path path = folder_.path() / "gone";
  copy_with_build_id(HELPER, path, 77);
  Child child({path, "short", "0"});
  const pid_t pid = child.pid();
  child.finish();
  ASSERT_TRUE(machine_->pump_until([&] { return runs(pid, path); }));
  EXPECT_EQ(program(pid).state, ExecutableState::open) << program(pid).why_unavailable;
  EXPECT_EQ(program(pid).file, identity_of(path));
  EXPECT_TRUE(machine_->pump_until([&] { return machine_->latest(pid)->exited; }));
}

TEST_F(LiveProcessTest, AFifoInThePlaceOfAGoneProgramBlocksNobody) {
  start();
  if (IsSkipped())
    return;
  const fs::path path = folder_.path() / "fifo";
  copy_with_build_id(HELPER, path, 78);
  Child child({path, "short", "0"});
  const pid_t pid = child.pid();
  child.finish();
  fs::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  ASSERT_TRUE(machine_->pump_until([&] { return runs(pid, path); }));
  EXPECT_EQ(program(pid).state, ExecutableState::unavailable);
  EXPECT_EQ(machine_->store().stats().late, 0U);
}

TEST_F(LiveProcessTest, AnUnlinkedAndReplacedProgramIsTheOneThatRuns) {
  start();
  if (IsSkipped())
    return;
  const fs::path path = folder_.path() / "replaced";
  copy_with_build_id(HELPER, path, 80);
  const FileIdentity original = identity_of(path);
  Child child({path, "wait"});
  ASSERT_EQ(child.line(), "ready");
  fs::remove(path);
  copy_with_build_id(HELPER, path, 81);
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), path); }));
  EXPECT_EQ(program(child.pid()).file.inode, original.inode);
  EXPECT_TRUE(program(child.pid()).deleted);
  // And the same where it is found in /proc.
  start();
  const Executable& found = program(child.pid());
  EXPECT_EQ(*found.path, path);
  EXPECT_EQ(found.file.inode, original.inode);
  EXPECT_TRUE(found.deleted);
  EXPECT_EQ(found.state, ExecutableState::open);
}

TEST_F(LiveProcessTest, ExecOverExecEndsWithTheLastProgram) {
  start();
  if (IsSkipped())
    return;
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < 3; ++i) {
    paths.push_back(folder_.path() / ("chain-" + std::to_string(i)));
    copy_with_build_id(HELPER, paths.back(), 90 + i);
  }
  Child child({paths[0], "exec", paths[1], "exec", paths[2], "wait"});
  ASSERT_EQ(child.line(), "ready");
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), paths[2]); }));
  machine_->pump(0ms);
  const Process* process = machine_->latest(child.pid());
  EXPECT_EQ(process->execs, 3U);
  EXPECT_EQ(process->comm, "chain-2");
  EXPECT_EQ(program(child.pid()).file, identity_of(paths[2]));
  expect_mappings_as_in_proc(child.pid());
  size_t files = 0;
  for (const Mapping& mapping : process->space.live())
    files += mapping.kind == MappingKind::file && mapping.name->contains("chain-") ? 1 : 0;
  EXPECT_EQ(files, 1U) << "nothing of the former programs is left";
}

TEST_F(LiveProcessTest, ExecByAnotherThreadStaysTheSameProcess) {
  start();
  if (IsSkipped())
    return;
  const std::string path = folder_.path() / "next";
  copy_with_build_id(HELPER, path, 95);
  Child child({HELPER, "exec-from-thread", path, "wait"});
  ASSERT_EQ(child.line(), "ready");
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), path); }));
  EXPECT_FALSE(machine_->latest(child.pid())->exited);
  EXPECT_EQ(machine_->table().find(child.pid(), child.start_time()), machine_->latest(child.pid()));
  const pid_t pid = child.pid();
  child.finish();
  EXPECT_TRUE(machine_->pump_until([&] { return machine_->latest(pid)->exited; }));
}

TEST_F(LiveProcessTest, DlopenAndDlcloseAreFollowed) {
  start();
  if (IsSkipped())
    return;
  Child child({HELPER, "dlopen", PLUGIN_A, PLUGIN_B, PLUGIN_A, PLUGIN_B});
  ASSERT_EQ(child.line(), "ready");
  for (int i = 0; i < 4; ++i) {
    child.send_line();
    ASSERT_EQ(child.line(), "opened");
    const auto lines = ProcFs().maps(child.pid());
    const std::string name = i % 2 == 0 ? PLUGIN_A : PLUGIN_B;
    const auto line = std::ranges::find(*lines, name, &ProcMapping::name);
    ASSERT_NE(line, lines->end());
    EXPECT_TRUE(machine_->pump_until([&] {
      const Process* process = machine_->latest(child.pid());
      const Mapping* mapping = process != nullptr ? process->find(line->start) : nullptr;
      return mapping != nullptr && *mapping->name == name;
    }));
    expect_mappings_as_in_proc(child.pid());
  }
}

TEST_F(LiveProcessTest, CodeMadeByMprotectIsAnonymous) {
  start();
  if (IsSkipped())
    return;
  Child child({HELPER, "mprotect"});
  const uint64_t address = std::stoull(child.line(), nullptr, 16);
  EXPECT_TRUE(machine_->pump_until([&] {
    const Process* process = machine_->latest(child.pid());
    const Mapping* mapping = process != nullptr ? process->find({address}) : nullptr;
    return mapping != nullptr && mapping->kind == MappingKind::anonymous;
  }));
}

TEST_F(LiveProcessTest, AMemfdProgramIsOpened) {
  start();
  if (IsSkipped())
    return;
  const fs::path copy = folder_.path() / "copy";
  copy_with_build_id(HELPER, copy, 112);
  Child child({HELPER, "memfd", copy, "wait"});
  ASSERT_EQ(child.line(), "ready");
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), "/memfd:in memory"); }));
  EXPECT_EQ(program(child.pid()).state, ExecutableState::open);
  EXPECT_TRUE(program(child.pid()).deleted);
  const Result<Fd> fd = machine_->store().descriptor(program(child.pid()).id);
  ASSERT_TRUE(fd);
  EXPECT_EQ(content_of(*fd), content_of(copy));
  start(); // and found in /proc
  EXPECT_EQ(*program(child.pid()).path, "/memfd:in memory");
  EXPECT_EQ(program(child.pid()).state, ExecutableState::open);
}

// A tmpfs that only the container sees, under pids of its own.
TEST_F(LiveProcessTest, AProgramInsideAContainerIsOpenedThroughItsRoot) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root to make namespaces";
  start();
  if (IsSkipped())
    return;
  const fs::path copy = folder_.path() / "copy";
  copy_with_build_id(HELPER_STATIC, copy, 111);
  const fs::path root = folder_.path() / "root";
  fs::create_directory(root);
  Child child({HELPER_STATIC, "contain", root, copy, "wait"});
  ASSERT_EQ(child.line(), "ready");
  EXPECT_TRUE(fs::is_empty(root)) << "not visible from here";
  pid_t inside = 0;
  const auto look = [&] {
    machine_->table().for_each([&](const Process& process) {
      if (process.parent == child.pid() && *process.exe == "/inside")
        inside = process.pid;
    });
    return inside != 0;
  };
  ASSERT_TRUE(machine_->pump_until(look));
  for (const char* how : {"by events", "from /proc"}) {
    const Executable& executable = program(inside);
    EXPECT_EQ(executable.state, ExecutableState::open) << how << executable.why_unavailable;
    const Result<Fd> fd = machine_->store().descriptor(executable.id);
    ASSERT_TRUE(fd);
    EXPECT_EQ(content_of(*fd), content_of(copy)) << how;
    EXPECT_NE(machine_->latest(inside)->mount_namespace, ProcFs().mount_namespace(::getpid()));
    start();
  }
  ::kill(inside, SIGKILL);
}

// Kernels before 6.8 name the inode below the overlay in maps and records, stat(2) that of the
// overlay.
TEST_F(LiveProcessTest, AProgramOnAnOverlayIsOpened) {
  for (const char* part : {"lower", "upper", "work", "merged"})
    fs::create_directory(folder_.path() / part);
  const fs::path merged = folder_.path() / "merged";
  copy_with_build_id(HELPER, folder_.path() / "lower" / "program", 130);
  const auto in = [&](const char* part) { return (folder_.path() / part).string(); };
  const std::string options =
      "lowerdir=" + in("lower") + ",upperdir=" + in("upper") + ",workdir=" + in("work");
  if (::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) != 0)
    GTEST_SKIP() << "needs root and overlayfs";
  start();
  {
    Child child({merged / "program", "wait"});
    EXPECT_EQ(child.line(), "ready");
    for (const char* how : {"by events", "from /proc"}) {
      if (IsSkipped())
        break;
      EXPECT_TRUE(machine_->pump_until([&] { return runs(child.pid(), merged / "program"); }));
      const Executable& executable = program(child.pid());
      EXPECT_EQ(executable.state, ExecutableState::open) << how << executable.why_unavailable;
      EXPECT_EQ(executable.file, identity_of(merged / "program")) << how;
      start();
    }
  }
  machine_.reset(); // its descriptors keep the mount busy
  EXPECT_EQ(::umount2(merged.c_str(), MNT_DETACH), 0);
}

TEST_F(LiveProcessTest, AZombieLeaderWithALiveThreadKeepsItsMappings) {
  Child child({HELPER, "zombie-leader"});
  ASSERT_EQ(child.line(), "ready");
  start();
  if (IsSkipped())
    return;
  const Process* process = machine_->table().find(child.pid(), child.start_time());
  EXPECT_FALSE(process->exited);
  EXPECT_EQ(*process->exe, HELPER);
  EXPECT_EQ(program(child.pid()).state, ExecutableState::open);
  const auto all_may_go = [](const Process&) { return true; };
  machine_->table().retire_exited(UINT64_MAX, all_may_go);
  EXPECT_EQ(machine_->latest(child.pid()), process);
  const pid_t pid = child.pid();
  child.finish();
  EXPECT_TRUE(machine_->pump_until([&] {
    machine_->table().retire_exited(UINT64_MAX, all_may_go);
    return machine_->latest(pid) == nullptr;
  }));
}

TEST_F(LiveProcessTest, TenThousandThreadsCostLittle) {
  start();
  if (IsSkipped())
    return;
  static constexpr uint64_t kThreads = 10000;
  Child child({HELPER, "threads", std::to_string(kThreads)});
  machine_->pump_until([&] { return child.has_output(); });
  if (child.line() != "ready")
    GTEST_SKIP() << "this system allows no " << kThreads << " threads";
  EXPECT_TRUE(machine_->pump_until([&] {
    return runs(child.pid(), HELPER) && machine_->latest(child.pid())->upkeep.threads +
                                                static_cast<int64_t>(machine_->sideband().lost()) >
                                            int64_t{kThreads};
  }));
  const pid_t pid = child.pid();
  const size_t memory = machine_->table().memory();
  const ProcessTable::Stats before = machine_->table().stats();
  child.close_input();
  ASSERT_TRUE(machine_->pump_until([&] { return machine_->latest(pid)->exited; }))
      << machine_->latest(pid)->upkeep.threads << " threads left, " << machine_->sideband().lost()
      << " events lost";
  const ProcessTable::Stats& after = machine_->table().stats();
  EXPECT_TRUE(machine_->pump_until([&] {
    Child({HELPER, "short", "0"}).finish(); // a CPU's losses are told with its next event
    return after.events - before.events + machine_->sideband().lost() >= kThreads;
  })) << after.events - before.events
      << " events, " << machine_->sideband().lost() << " lost";
  // Other processes of the machine are in it too; a reading of /proc for each thread would show.
  EXPECT_LT(after.scans, before.scans + (kThreads / 10));
  EXPECT_LT(machine_->table().memory(), memory + 1'000'000);
}

TEST_F(LiveProcessTest, A32BitProcessIsRead) {
  // An ELF file for i386 of one page: mov eax,29 (pause); int 0x80; jmp back.
  std::string elf(116, '\0');
  const auto put = [&](size_t at, auto value) {
    std::memcpy(elf.data() + at, &value, sizeof(value));
  };
  std::memcpy(elf.data(),
              "\x7f"
              "ELF\1\1\1",
              7);
  put(16, uint16_t{2});          // executable
  put(18, uint16_t{3});          // i386
  put(20, uint32_t{1});          // version
  put(24, uint32_t{0x08048068}); // entry
  put(28, uint32_t{52});         // program headers
  put(40, uint16_t{52});         // header size
  put(42, uint16_t{32});         // program header size
  put(44, uint16_t{1});          // their number
  put(52, uint32_t{1});          // PT_LOAD
  put(60, uint32_t{0x08048000}); // address
  put(68, uint32_t{116});        // size in the file
  put(72, uint32_t{116});        // size in memory
  put(76, uint32_t{5});          // readable, executable
  put(80, uint32_t{4096});       // alignment
  std::memcpy(elf.data() + 104, "\xb8\x1d\0\0\0\xcd\x80\xeb\xf7", 9);
  const fs::path path = folder_.path() / "i386";
  std::ofstream(path, std::ios::binary) << elf;
  ::chmod(path.c_str(), 0755);
  start();
  if (IsSkipped())
    return;
  Child child({path});
  if (child.pid() == 0)
    GTEST_SKIP() << "this kernel runs no 32-bit programs";
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), path); }));
  EXPECT_NE(machine_->latest(child.pid())->find({0x08048068}), nullptr);
  expect_mappings_as_in_proc(child.pid());
}

TEST_F(LiveProcessTest, LostEventsAreCountedAndMadeGoodFromProc) {
  start({.ring_bytes = 1});
  if (IsSkipped())
    return;
  // Nobody reads while it maps more than the smallest ring takes.
  Child child({HELPER, "churn", PLUGIN_A, "3000"});
  ASSERT_EQ(child.line(), "ready");
  machine_->pump(0ms);
  // The kernel tells of a loss with the next record it has room for.
  Child next({HELPER, "wait"});
  ASSERT_TRUE(machine_->pump_until([&] {
    Child({HELPER, "short", "0"}).finish();
    return machine_->table().stats().lost > 0;
  }));
  Process* process = machine_->table().find(child.pid(), child.start_time());
  ASSERT_NE(process, nullptr);
  expect_mappings_as_in_proc(child.pid());
  EXPECT_GE(machine_->sideband().lost(), machine_->table().stats().lost);
}

TEST_F(LiveProcessTest, ACpuThatComesOnlineIsWatchedFromThenOn) {
  if (::sysconf(_SC_NPROCESSORS_ONLN) < 2)
    GTEST_SKIP() << "needs two CPUs";
  const fs::path online = folder_.path() / "online";
  std::ofstream(online) << "0\n";
  start({.online_path = online});
  if (IsSkipped())
    return;
  Sideband& sideband = machine_->sideband();
  EXPECT_EQ(sideband.cpus(), 1U);
  EXPECT_EQ(*sideband.update_cpus(), 0U);
  std::ofstream(online) << "0-1\n";
  EXPECT_EQ(*sideband.update_cpus(), 1U);
  EXPECT_EQ(sideband.cpus(), 2U);
  std::ofstream(online) << "0-1,4000\n";
  EXPECT_EQ(*sideband.update_cpus(), 0U) << "a CPU that is not there";
  EXPECT_EQ(sideband.cpus(), 2U);
  std::ofstream(online) << "1\n";
  EXPECT_EQ(*sideband.update_cpus(), 0U);
  EXPECT_EQ(sideband.cpus(), 1U);
}

TEST_F(LiveProcessTest, ADescriptorThatWasClosedIsOpenedAgainThroughALiveProcess) {
  start();
  if (IsSkipped())
    return;
  const fs::path path = folder_.path() / "again";
  copy_with_build_id(HELPER, path, 120);
  const FileIdentity original = identity_of(path);
  Child child({path, "wait"});
  ASSERT_EQ(child.line(), "ready");
  ASSERT_TRUE(machine_->pump_until([&] { return runs(child.pid(), path); }));
  fs::remove(path);
  const ExecutableId id = program(child.pid()).id;
  machine_->store().close(id);
  EXPECT_EQ(program(child.pid()).state, ExecutableState::closed);
  const Result<Fd> fd = machine_->store().descriptor(id);
  ASSERT_TRUE(fd) << fd.error().why;
  struct ::stat info{};
  ::fstat(fd->get(), &info);
  EXPECT_EQ(info.st_ino, original.inode);
}

// A FUSE file system whose server never answers: whoever touches it waits for ever.
TEST_F(LiveProcessTest, AHangingFileSystemCostsItsDeadlineAndNobodyElse) {
  Fd server(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  const fs::path mount_point = folder_.path() / "hangs";
  fs::create_directory(mount_point);
  const std::string options =
      "fd=" + std::to_string(server.get()) + ",rootmode=40000,user_id=0,group_id=0";
  if (!server ||
      ::mount("hangs", mount_point.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    GTEST_SKIP() << "needs root and /dev/fuse";
  ExecutableStore store({.deadline = 50ms});
  const auto resolve = [&](const fs::path& path, uid_t uid) {
    const std::string name = path;
    MappedFile file{.name = name, .build_id = {}};
    file.build_id.size = 20;
    file.build_id.bytes[0] = static_cast<uint8_t>(name.back());
    return store.resolve(file,
                         {.pid = ::getpid(), .start = {1}, .end = {2}, .uid = uid, .others = {}});
  };
  EXPECT_EQ(resolve(mount_point / "a", 1000)->state, ExecutableState::pending);
  EXPECT_EQ(resolve(mount_point / "b", 1000)->state, ExecutableState::pending);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(resolve(mount_point / "c", 1000)->state, ExecutableState::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 40ms) << "refused without waiting";
  EXPECT_EQ(store.stats().refused, 1U);
  EXPECT_EQ(resolve(HELPER, 1001)->state, ExecutableState::open);
  server.reset(); // the server dies: those who wait get an error
  EXPECT_EQ(::umount2(mount_point.c_str(), MNT_DETACH), 0);
  const auto a = resolve(mount_point / "a", 0);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (a->state == ExecutableState::pending && std::chrono::steady_clock::now() < deadline) {
    store.tick();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(a->state, ExecutableState::unavailable);
}

} // namespace
} // namespace pprofd
