#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "daemon/process/process_table.h"
#include "tests/unit/daemon/process/fake_proc.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSecond = 1'000'000'000;
// The machine has slept for a while, so that mixing the two clocks shows.
constexpr uint64_t kSlept = 1000 * kSecond;

constexpr const char* kShellMaps =
    "1000-3000 r-xp 00000000 08:01 11 /bin/sh\n7000-9000 r-xp 00001000 08:01 12 /lib/libc.so\n"
    "f000-10000 r-xp 00000000 00:00 0 [vdso]\n";

class ProcessTableTest : public testing::Test {
protected:
  ProcessTableTest()
      : store_({},
               [this](const OpenRequest& request) -> Result<OpenedFile> {
                 opened_.push_back(request.name);
                 return fail("open " + request.name, "not in this test");
               }),
        table_(ProcFs(proc_.root()), store_, options()) {
    table_.on_new_process = [this](Process& process) { news_.push_back(process.pid); };
    table_.on_exec = [this](Process& process) { execs_.push_back(*process.exe); };
  }

  ProcessTableOptions options() {
    ProcessTableOptions options;
    options.scan_deadline = std::chrono::seconds(10);
    options.clocks.monotonic = [this] { return now_; };
    options.clocks.boot_minus_monotonic = [] { return kSlept; };
    return options;
  }

  // Events happen a microsecond apart.
  uint64_t tick() { return now_ += 1000; }
  void event(pid_t pid, pid_t tid, decltype(ProcessEvent::what) what) {
    table_.apply({tick(), pid, tid, std::move(what)});
  }
  void fork(pid_t parent, pid_t child) { event(child, child, ForkEvent{parent, parent}); }
  void thread(pid_t pid, pid_t tid) { event(pid, tid, ForkEvent{pid, pid}); }
  void exit(pid_t pid, pid_t tid) { event(pid, tid, ExitEvent{}); }
  void exec(pid_t pid, const std::string& comm) { event(pid, pid, CommEvent{comm, true}); }
  void comm(pid_t pid, pid_t tid, const std::string& comm) { event(pid, tid, CommEvent{comm}); }
  void mmap(pid_t pid, uint64_t start, uint64_t end, const std::string& name, uint64_t offset = 0) {
    MmapEvent mmap;
    mmap.start = {start};
    mmap.length = end - start;
    mmap.offset = {offset};
    mmap.name = name;
    if (name.starts_with('/') && !name.starts_with("//")) {
      mmap.build_id.size = 20;
      const size_t hash = std::hash<std::string>()(name);
      std::memcpy(mmap.build_id.bytes.data(), &hash, sizeof(hash));
    }
    event(pid, pid, mmap);
  }

  // A process that was there before, in /proc and scanned.
  void resident(pid_t pid, const std::string& comm = "sh") {
    proc_.add({.pid = pid,
               .comm = comm,
               .start_ticks = 100,
               .maps = kShellMaps,
               .exe = "/bin/sh",
               .cgroup = "0::/shell\n"});
    ASSERT_TRUE(table_.scan(pid));
    tick();
  }
  // The start time of a process that forks now, as a sample would give it.
  [[nodiscard]] uint64_t start_now() const { return now_ + kSlept; }
  static uint64_t scanned_start() { return time_of_ticks(100) + 123; }

  std::string file_at(const Process* process, uint64_t address) const {
    const Mapping* mapping = process->find({address});
    return mapping != nullptr ? *mapping->name : "";
  }
  size_t retire(uint64_t before = UINT64_MAX) {
    return table_.retire_exited(before, [](const Process&) { return true; });
  }

  FakeProc proc_;
  uint64_t now_ = 10'000 * kSecond;
  std::vector<std::string> opened_;
  std::vector<pid_t> news_;
  std::vector<std::string> execs_;
  ExecutableStore store_;
  ProcessTable table_;
};

// --- /proc at the start -------------------------------------------------------------------------

TEST_F(ProcessTableTest, ScanReadsWhatThereIs) {
  resident(10);
  const Process* shell = table_.live(10);
  ASSERT_NE(shell, nullptr);
  EXPECT_EQ(shell->comm, "sh");
  EXPECT_EQ(*shell->exe, "/bin/sh");
  EXPECT_EQ(shell->parent, 1);
  EXPECT_EQ(shell->start_ticks(), 100U);
  EXPECT_EQ(shell->cgroups->main(), "/shell");
  EXPECT_NE(shell->mount_namespace, 0U);
  EXPECT_EQ(file_at(shell, 0x1000), "/bin/sh");
  EXPECT_EQ(shell->find({0x7000})->file_offset({0x7010}).value, 0x1010U);
  EXPECT_EQ(shell->find({0xf000})->kind, MappingKind::vdso);
  EXPECT_EQ(shell->executable, shell->find({0x1000})->executable);
  EXPECT_THAT(news_, ElementsAre(10));
}

TEST_F(ProcessTableTest, ScanAllFindsEveryProcessAndAnUnreadableOneToo) {
  proc_.add({.pid = 1, .maps = ""});
  proc_.add({.pid = 5, .maps = kShellMaps});
  std::filesystem::remove(proc_.root() + "/5/maps");
  proc_.file("7/stat", "garbage");
  EXPECT_EQ(*table_.scan_all(), 2U);
  EXPECT_FALSE(table_.live(1)->maps_unreadable);
  EXPECT_TRUE(table_.live(5)->maps_unreadable);
  EXPECT_EQ(table_.live(7), nullptr);
}

TEST_F(ProcessTableTest, KernelThreadsAreFlaggedAndHaveNoMappings) {
  proc_.add({.pid = 2, .comm = "kthreadd", .flags = 0x00208040});
  ASSERT_TRUE(table_.scan(2));
  EXPECT_TRUE(table_.live(2)->kernel_thread);
  fork(2, 30);
  EXPECT_TRUE(table_.live(30)->kernel_thread) << "a kernel thread's child is one";
  exec(30, "modprobe");
  EXPECT_FALSE(table_.live(30)->kernel_thread) << "until it executes a program";
}

TEST_F(ProcessTableTest, AZombieLeadersThreadsAreLookedAtInstead) {
  proc_.add({.pid = 50, .comm = "lead", .state = 'Z', .thread_ids = {50, 52}});
  proc_.add({.pid = 52, .maps = kShellMaps, .exe = "/bin/sh"});
  ASSERT_TRUE(table_.scan(50));
  const Process* process = table_.live(50);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(file_at(process, 0x1000), "/bin/sh");
  EXPECT_EQ(*process->exe, "/bin/sh");
  EXPECT_EQ(retire(), 0U) << "it still lives";
  proc_.add({.pid = 50, .comm = "lead", .state = 'Z'});
  proc_.remove(52);
  EXPECT_EQ(retire(), 1U);
}

TEST_F(ProcessTableTest, AZombieIsNoLiveProcess) {
  proc_.add({.pid = 50, .state = 'Z'});
  table_.scan(50);
  EXPECT_EQ(table_.live(50), nullptr);
  EXPECT_EQ(table_.exited_count(), 1U);
}

TEST_F(ProcessTableTest, DeletedAndOddFilesAreKnownForWhatTheyAre) {
  proc_.add({.pid = 9,
             .maps = "1000-2000 r-xp 00000000 08:01 5 /opt/app (deleted)\n"
                     "2000-3000 r-xp 00000000 00:01 6 /memfd:jit (deleted)\n"
                     "3000-4000 rwxp 00000000 00:00 0 \n"
                     "4000-5000 rwxp 00000000 00:00 0 [heap]\n"
                     "5000-6000 rwxp 00000000 00:00 0 [anon:JIT]\n"
                     "6000-7000 rwxs 00000000 00:01 7 /dev/zero (deleted)\n"
                     "7000-8000 rwxs 00000000 00:01 8 /SYSV00001234 (deleted)\n"
                     "8000-9000 r-xp 00000000 00:00 0 [uprobes]\n"
                     "9000-a000 r-xp 00000000 08:01 9 /opt/two\\012lines\n"
                     "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n",
             .exe = "/opt/app (deleted)"});
  ASSERT_TRUE(table_.scan(9));
  const Process* process = table_.live(9);
  EXPECT_EQ(*process->exe, "/opt/app");
  EXPECT_TRUE(process->find({0x1000})->executable->deleted);
  EXPECT_EQ(process->executable, process->find({0x1000})->executable);
  EXPECT_EQ(process->find({0x2000})->kind, MappingKind::file);
  EXPECT_EQ(process->find({0x2000})->executable->basename(), "memfd:jit");
  EXPECT_EQ(file_at(process, 0x3000), "//anon");
  for (const uint64_t address : {0x3000U, 0x4000U, 0x5000U, 0x6000U, 0x7000U})
    EXPECT_EQ(process->find({address})->kind, MappingKind::anonymous) << std::hex << address;
  EXPECT_EQ(process->find({0x8000})->kind, MappingKind::other);
  EXPECT_EQ(file_at(process, 0x9000), "/opt/two\nlines");
  EXPECT_EQ(process->find({0xffffffffff600000})->kind, MappingKind::vsyscall);
}

// --- fork, exec, exit ---------------------------------------------------------------------------

TEST_F(ProcessTableTest, AChildInheritsUntilItChanges) {
  resident(10);
  fork(10, 20);
  const Process* child = table_.live(20);
  const Process* parent = table_.live(10);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(child->parent, 10);
  EXPECT_EQ(child->comm, "sh");
  EXPECT_EQ(child->exe, parent->exe);
  EXPECT_EQ(child->cgroups, parent->cgroups);
  EXPECT_EQ(child->mount_namespace, parent->mount_namespace);
  EXPECT_EQ(&child->space.live(), &parent->space.live()) << "the mappings are shared";
  mmap(20, 0x20000, 0x21000, "/lib/plugin.so");
  EXPECT_EQ(file_at(child, 0x20000), "/lib/plugin.so");
  EXPECT_EQ(file_at(parent, 0x20000), "");
  EXPECT_THAT(news_, ElementsAre(10, 20));
}

TEST_F(ProcessTableTest, ExecClearsTheMappingsAndNamesTheProgramAnew) {
  resident(10);
  fork(10, 20);
  const uint64_t start = start_now();
  const uint64_t before_exec = now_;
  exec(20, "prog");
  mmap(20, 0x1000, 0x5000, "/opt/prog");
  mmap(20, 0x7000, 0x8000, "/lib/ld.so");
  Process* child = table_.find(20, start);
  EXPECT_EQ(child->comm, "prog");
  EXPECT_EQ(*child->exe, "/opt/prog");
  EXPECT_EQ(child->executable, child->find({0x1000})->executable);
  EXPECT_EQ(child->find({0xf000}), nullptr) << "the shell's vdso went with it";
  EXPECT_EQ(*child->find({0x1000}, before_exec)->name, "/bin/sh") << "earlier samples keep theirs";
  EXPECT_THAT(execs_, ElementsAre("/opt/prog"));
  EXPECT_EQ(table_.live(10)->comm, "sh");
  EXPECT_EQ(file_at(table_.live(10), 0x1000), "/bin/sh");
}

TEST_F(ProcessTableTest, ExecOverExecKeepsEachProgramsTime) {
  resident(10);
  fork(10, 20);
  const uint64_t start = start_now();
  std::vector<uint64_t> times;
  for (const std::string name : {"/a", "/b", "/c"}) {
    exec(20, name.substr(1));
    mmap(20, 0x400000, 0x401000, name);
    times.push_back(tick());
  }
  const Process* process = table_.find(20, start);
  EXPECT_EQ(*process->find({0x400000}, times[0])->name, "/a");
  EXPECT_EQ(*process->find({0x400000}, times[1])->name, "/b");
  EXPECT_EQ(*process->find({0x400000}, times[2])->name, "/c");
  EXPECT_EQ(process->execs, 3U);
  EXPECT_EQ(*process->exe, "/c");
  EXPECT_THAT(execs_, ElementsAre("/a", "/b", "/c"));
}

TEST_F(ProcessTableTest, ExecReadsCgroupAndNamespaceAnewWhereTheProcessStillLives) {
  resident(10);
  fork(10, 20);
  fork(10, 21);
  proc_.add({.pid = 20, .cgroup = "0::/moved\n"});
  exec(20, "a");
  exec(21, "b");
  EXPECT_EQ(table_.live(20)->cgroups->main(), "/moved");
  EXPECT_EQ(table_.live(21)->cgroups->main(), "/shell") << "gone already: as its parent";
}

TEST_F(ProcessTableTest, AProcessThatHasExitedStaysUntilItsSamplesAreOut) {
  resident(10);
  fork(10, 20);
  const uint64_t start = start_now();
  exec(20, "prog");
  mmap(20, 0x1000, 0x5000, "/opt/prog");
  exit(20, 20);
  const uint64_t exit_time = now_;
  EXPECT_EQ(table_.live(20), nullptr);
  Process* process = table_.find(20, start);
  EXPECT_TRUE(process->exited);
  EXPECT_EQ(process->exit_time, exit_time);
  EXPECT_EQ(file_at(process, 0x1000), "/opt/prog");
  EXPECT_EQ(process->start_precision, StartPrecision::exact);
  EXPECT_EQ(process->start_time, start);
  EXPECT_EQ(retire(exit_time), 0U);
  EXPECT_EQ(table_.retire_exited(UINT64_MAX, [](const Process&) { return false; }), 0U);
  EXPECT_EQ(table_.find(20, start), process);
  EXPECT_EQ(retire(), 1U);
  EXPECT_EQ(table_.exited_count(), 0U);
}

TEST_F(ProcessTableTest, ThreadsAreNoProcessesAndTheLastOneEndsTheProcess) {
  resident(10);
  fork(10, 20);
  for (pid_t tid = 21; tid < 30; ++tid)
    thread(20, tid);
  EXPECT_EQ(table_.live_count(), 2U);
  exit(20, 20); // the leader first
  for (pid_t tid = 21; tid < 29; ++tid)
    exit(20, tid);
  EXPECT_NE(table_.live(20), nullptr);
  exit(20, 29);
  EXPECT_EQ(table_.live(20), nullptr);
}

TEST_F(ProcessTableTest, ExecByAnotherThreadThanTheLeaderGoesOnAsTheSameProcess) {
  resident(10);
  fork(10, 20);
  const uint64_t start = start_now();
  thread(20, 21);
  thread(20, 22);
  exit(20, 22);
  exit(20, 20); // the kernel ends the leader, thread 21 takes its id
  exec(20, "prog");
  mmap(20, 0x1000, 0x5000, "/opt/prog");
  ASSERT_NE(table_.live(20), nullptr);
  EXPECT_EQ(table_.find(20, start)->comm, "prog");
  exit(20, 20);
  EXPECT_EQ(table_.live(20), nullptr);
}

TEST_F(ProcessTableTest, OneThatWasThereBeforeIsVerifiedWhenItsLeaderExits) {
  resident(10);
  exit(10, 10); // perhaps not all of its threads are known
  EXPECT_NE(table_.live(10), nullptr);
  EXPECT_EQ(retire(), 0U);
  proc_.add({.pid = 10, .comm = "sh", .state = 'Z', .start_ticks = 100, .thread_ids = {10, 11}});
  EXPECT_EQ(retire(), 0U) << "a dead leader with a live thread";
  proc_.add({.pid = 10, .comm = "sh", .state = 'Z', .start_ticks = 100});
  EXPECT_EQ(retire(), 1U) << "dead, though its parent has not looked yet";
}

TEST_F(ProcessTableTest, CommChangesOfTheLeaderOnlyNameTheProcess) {
  resident(10);
  comm(10, 11, "worker");
  EXPECT_EQ(table_.live(10)->comm, "sh");
  comm(10, 10, "renamed");
  EXPECT_EQ(table_.live(10)->comm, "renamed");
  EXPECT_EQ(file_at(table_.live(10), 0x1000), "/bin/sh");
}

TEST_F(ProcessTableTest, VforkAndExecLeavesTheParentAlone) {
  resident(10);
  fork(10, 20); // vfork looks the same: the child runs first
  exec(20, "prog");
  mmap(20, 0x1000, 0x5000, "/opt/prog");
  EXPECT_EQ(file_at(table_.live(10), 0x1000), "/bin/sh");
}

TEST_F(ProcessTableTest, DlopenAfterDlcloseAtTheSameAddressReplaces) {
  resident(10);
  mmap(10, 0x20000, 0x24000, "/lib/a.so", 0x1000);
  const uint64_t first = now_;
  const uint32_t id = table_.live(10)->find({0x20000})->id;
  mmap(10, 0x21000, 0x23000, "/lib/b.so", 0x2000); // munmap of a.so was not reported
  const Process* process = table_.live(10);
  EXPECT_EQ(file_at(process, 0x22000), "/lib/b.so");
  EXPECT_EQ(file_at(process, 0x20000), "/lib/a.so");
  EXPECT_EQ(*process->find({0x22000}, first)->name, "/lib/a.so");
  EXPECT_EQ(*process->space.by_id(id)->name, "/lib/a.so");
}

TEST_F(ProcessTableTest, MprotectThatMakesCodeIsAMapping) {
  resident(10);
  mmap(10, 0x30000, 0x40000, "//anon");
  EXPECT_EQ(table_.live(10)->find({0x30000})->kind, MappingKind::anonymous);
  mmap(10, 0x40000, 0x50000, "//anon");
  EXPECT_EQ(table_.live(10)->find({0x30000}), table_.live(10)->find({0x4ffff}));
}

// --- identity -----------------------------------------------------------------------------------

TEST_F(ProcessTableTest, APidUsedAgainIsAnotherProcess) {
  resident(10);
  fork(10, 20);
  const uint64_t first = start_now();
  exec(20, "first");
  mmap(20, 0x1000, 0x2000, "/first");
  exit(20, 20);
  now_ += 5 * kSecond;
  fork(10, 20);
  const uint64_t second = start_now();
  exec(20, "second");
  mmap(20, 0x1000, 0x2000, "/second");
  Process* one = table_.find(20, first);
  Process* two = table_.find(20, second);
  EXPECT_NE(one, two);
  EXPECT_NE(one->serial, two->serial);
  EXPECT_EQ(file_at(one, 0x1000), "/first");
  EXPECT_EQ(file_at(two, 0x1000), "/second");
}

TEST_F(ProcessTableTest, APidUsedAgainIsNoticedThoughTheExitWasMissed) {
  resident(10);
  fork(10, 20);
  const uint64_t first = start_now();
  table_.find(20, first);
  now_ += 5 * kSecond;
  fork(10, 20);
  EXPECT_TRUE(table_.find(20, first)->exited);
  EXPECT_FALSE(table_.find(20, start_now())->exited);
  EXPECT_EQ(table_.stats().pid_reuses, 1U);
}

TEST_F(ProcessTableTest, APidUsedAgainIsNoticedBySamplesAlone) {
  resident(10); // starts at tick 100
  proc_.add({.pid = 10, .comm = "other", .start_ticks = 900, .maps = kShellMaps});
  Process* now = table_.find(10, time_of_ticks(900) + 5);
  EXPECT_EQ(now->comm, "other");
  EXPECT_FALSE(now->exited);
  Process* before = table_.find(10, scanned_start());
  EXPECT_EQ(before->comm, "sh");
  EXPECT_TRUE(before->exited);
}

TEST_F(ProcessTableTest, ASampleOfAnUnknownProcessReadsItFromProc) {
  proc_.add({.pid = 33, .comm = "found", .start_ticks = 700, .maps = kShellMaps});
  Process* process = table_.find(33, time_of_ticks(700) + 1);
  EXPECT_EQ(process->comm, "found");
  EXPECT_EQ(process->start_time, time_of_ticks(700) + 1) << "exact from the sample";
  EXPECT_EQ(table_.find(33, time_of_ticks(700) + 1), process);
  EXPECT_EQ(table_.stats().scans, 1U);
}

TEST_F(ProcessTableTest, ASampleOfAProcessThatIsGoneGetsAGhostAndReadsProcOnce) {
  Process* ghost = table_.find(44, 12345);
  EXPECT_TRUE(ghost->ghost);
  EXPECT_TRUE(ghost->exited);
  EXPECT_EQ(ghost->find({0x1000}), nullptr);
  EXPECT_EQ(table_.find(44, 12345), ghost);
  EXPECT_EQ(table_.stats().scans, 1U);
  EXPECT_EQ(table_.stats().ghosts, 1U);
  EXPECT_NE(table_.find(44, 99999), ghost);
}

TEST_F(ProcessTableTest, ASampleOlderThanThePidsOwnerIsAGhostAndLeavesTheOwnerAlone) {
  resident(10);
  Process* ghost = table_.find(10, 1);
  EXPECT_TRUE(ghost->ghost);
  EXPECT_EQ(table_.live(10)->comm, "sh");
  EXPECT_EQ(table_.find(10, scanned_start())->comm, "sh");
}

TEST_F(ProcessTableTest, AForkWhoseTimeCannotBeTrustedIsSettledByProc) {
  resident(10);
  fork(10, 20);
  // The machine slept between the event and its reading: the true start is long before.
  const uint64_t start = start_now() - (600 * kSecond);
  proc_.add({.pid = 20, .comm = "slept", .start_ticks = ticks_of(start), .maps = kShellMaps});
  Process* process = table_.find(20, start);
  EXPECT_FALSE(process->ghost);
  EXPECT_EQ(process->comm, "slept");
  EXPECT_EQ(table_.find(20, start), process);
}

TEST_F(ProcessTableTest, TheSecondSampleMustAgreeExactly) {
  resident(10);
  Process* process = table_.find(10, scanned_start());
  EXPECT_NE(table_.find(10, scanned_start() - 1), process);
}

// --- order of events and /proc ------------------------------------------------------------------

TEST_F(ProcessTableTest, EventsFromBeforeTheReadingOfProcAreSkipped) {
  const uint64_t early = tick();
  tick();
  resident(10);
  MmapEvent mmap;
  mmap.start = {0x1000};
  mmap.length = 0x1000;
  mmap.name = "/old";
  table_.apply({early, 10, 10, mmap});
  table_.apply({early, 10, 10, CommEvent{"old", true}});
  table_.apply({early, 10, 10, ForkEvent{1, 1}});
  EXPECT_EQ(file_at(table_.live(10), 0x1000), "/bin/sh");
  EXPECT_EQ(table_.live(10)->comm, "sh");
  EXPECT_EQ(table_.stats().skipped, 3U);
  EXPECT_THAT(news_, ElementsAre(10));
}

TEST_F(ProcessTableTest, AProcessReadWhileItWasDyingIsFoundDeadLater) {
  const uint64_t early = tick();
  tick();
  resident(10);
  table_.apply({early, 10, 10, ExitEvent{}});
  EXPECT_EQ(retire(), 0U);
  proc_.remove(10);
  EXPECT_EQ(retire(), 1U);
}

TEST_F(ProcessTableTest, AMappingOfAnUnknownProcessReadsItFromProc) {
  proc_.add({.pid = 33, .comm = "found", .maps = kShellMaps});
  mmap(33, 0x20000, 0x21000, "/lib/x.so");
  EXPECT_EQ(table_.live(33)->comm, "found");
  EXPECT_EQ(file_at(table_.live(33), 0x1000), "/bin/sh");
  EXPECT_EQ(file_at(table_.live(33), 0x20000), "") << "it is what was read that counts";
}

TEST_F(ProcessTableTest, AMappingOfAnUnknownProcessThatIsGoneIsKept) {
  mmap(33, 0x20000, 0x21000, "/lib/x.so");
  Process* process = table_.find(33, start_now());
  EXPECT_TRUE(process->ghost);
  EXPECT_EQ(file_at(process, 0x20000), "/lib/x.so");
}

TEST_F(ProcessTableTest, AChildOfAnUnknownParentIsReadFromProc) {
  proc_.add({.pid = 33, .comm = "child", .parent = 32, .maps = kShellMaps});
  fork(32, 33);
  EXPECT_EQ(table_.live(33)->comm, "child");
  EXPECT_THAT(news_, ElementsAre(33));
  fork(32, 34);
  EXPECT_THAT(news_, ElementsAre(33, 34));
  EXPECT_TRUE(table_.live(34)->space.live().empty());
}

TEST_F(ProcessTableTest, EventsOfOtherPidNamespacesAreIgnored) {
  fork(0, 0);
  exec(-1, "x");
  EXPECT_EQ(table_.live_count(), 0U);
}

// --- losses -------------------------------------------------------------------------------------

TEST_F(ProcessTableTest, AfterALossASampledProcessIsReadAgainOnce) {
  resident(10);
  const uint32_t id = table_.live(10)->find({0x1000})->id;
  event(0, 0, LostEvent{7});
  proc_.add({.pid = 10,
             .comm = "sh",
             .start_ticks = 100,
             .maps = std::string(kShellMaps) + "20000-21000 r-xp 00000000 00:00 0 /lib/missed.so\n",
             .exe = "/bin/sh"});
  EXPECT_EQ(table_.stats().lost, 7U);
  Process* process = table_.find(10, scanned_start());
  EXPECT_EQ(file_at(process, 0x20000), "/lib/missed.so");
  EXPECT_EQ(process->find({0x1000})->id, id) << "what is unchanged keeps its id";
  table_.find(10, scanned_start());
  EXPECT_EQ(table_.stats().rescans, 1U);
}

TEST_F(ProcessTableTest, AnExecThatWasLostIsNoticed) {
  resident(10);
  event(0, 0, LostEvent{1});
  proc_.add({.pid = 10,
             .comm = "prog",
             .start_ticks = 100,
             .maps = "1000-2000 r-xp 00000000 00:00 0 /opt/prog\n",
             .exe = "/opt/prog"});
  Process* process = table_.find(10, scanned_start());
  EXPECT_EQ(*process->exe, "/opt/prog");
  EXPECT_EQ(process->comm, "prog");
  EXPECT_EQ(file_at(process, 0x1000), "/opt/prog");
  EXPECT_THAT(execs_, ElementsAre("/opt/prog"));
}

TEST_F(ProcessTableTest, ExitsThatWereLostAreFound) {
  resident(10);
  resident(11);
  proc_.remove(11);
  EXPECT_EQ(retire(), 0U) << "without a loss nobody looks";
  event(0, 0, LostEvent{1});
  EXPECT_EQ(retire(), 1U);
  EXPECT_NE(table_.live(10), nullptr);
}

TEST_F(ProcessTableTest, AnUnknownAddressReadsTheMapsAgainButNotForEver) {
  resident(10);
  Process* process = table_.find(10, scanned_start());
  proc_.add({.pid = 10,
             .comm = "sh",
             .start_ticks = 100,
             .maps = std::string(kShellMaps) + "20000-21000 r-xp 00000000 00:00 0 /lib/moved.so\n",
             .exe = "/bin/sh"});
  const Mapping* found = table_.find_mapping(*process, {0x20000}, tick());
  ASSERT_NE(found, nullptr) << "mremap is not reported";
  EXPECT_EQ(*found->name, "/lib/moved.so");
  const uint64_t scans = table_.stats().scans;
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(table_.find_mapping(*process, {0x99000}, tick()), nullptr);
  EXPECT_EQ(table_.stats().scans, scans) << "not twice a second";
  for (int second = 0; second < 100; ++second, now_ += kSecond)
    table_.find_mapping(*process, {0x99000}, tick());
  EXPECT_LE(table_.stats().scans, scans + 7) << "and less and less often while it is in vain";
}

TEST_F(ProcessTableTest, ReadingAgainCostsABoundedShareOfTheTime) {
  // Each look at the clock takes 10 ms, so reading a process takes some of them.
  for (pid_t pid = 100; pid < 140; ++pid)
    resident(pid);
  ProcessTableOptions slow = options();
  uint64_t clock = now_;
  slow.clocks.monotonic = [&clock] { return clock += 10'000'000; };
  ProcessTable table(ProcFs(proc_.root()), store_, slow);
  ASSERT_TRUE(table.scan_all());
  table.apply({clock, 0, 0, LostEvent{1}});
  const uint64_t began = clock;
  for (int round = 0; round < 10; ++round)
    for (pid_t pid = 100; pid < 140; ++pid)
      table.find(pid, scanned_start());
  const double seconds = static_cast<double>(clock - began) / 1e9;
  const double spent = static_cast<double>(table.stats().rescans) * 0.02;
  EXPECT_GT(table.stats().rescans, 5U);
  EXPECT_LT(spent, 0.3 + (0.025 * seconds));
}

// --- the rest -----------------------------------------------------------------------------------

TEST_F(ProcessTableTest, RefreshIdentityReadsNameAndCgroupOfTheSameProcessOnly) {
  resident(10);
  Process* process = table_.find(10, scanned_start());
  proc_.add({.pid = 10, .comm = "new", .start_ticks = 100, .cgroup = "0::/new\n"});
  table_.refresh_identity(*process);
  EXPECT_EQ(process->comm, "new");
  EXPECT_EQ(process->cgroups->main(), "/new");
  proc_.add({.pid = 10, .comm = "stranger", .start_ticks = 999, .cgroup = "0::/stranger\n"});
  table_.refresh_identity(*process);
  EXPECT_EQ(process->comm, "new");
}

TEST_F(ProcessTableTest, ProcessesOfOneCgroupShareItsPaths) {
  resident(10);
  resident(11);
  EXPECT_EQ(table_.live(10)->cgroups, table_.live(11)->cgroups);
}

TEST_F(ProcessTableTest, FilesAreOpenedAtTheEvent) {
  resident(10);
  opened_.clear();
  fork(10, 20);
  exec(20, "prog");
  EXPECT_THAT(opened_, IsEmpty());
  mmap(20, 0x1000, 0x2000, "/opt/prog");
  EXPECT_THAT(opened_, testing::Contains("/opt/prog"));
}

TEST_F(ProcessTableTest, TenThousandThreadsCostNoMemory) {
  resident(10);
  const size_t before = table_.memory();
  for (pid_t tid = 1000; tid < 11000; ++tid) {
    thread(10, tid);
    comm(10, tid, "worker");
  }
  EXPECT_EQ(table_.memory(), before);
  EXPECT_EQ(table_.live_count(), 1U);
  for (pid_t tid = 1000; tid < 11000; ++tid)
    exit(10, tid);
  EXPECT_EQ(table_.live_count(), 1U);
}

TEST_F(ProcessTableTest, ChurnLeavesNothingBehind) {
  resident(10);
  for (int round = 0; round < 3000; ++round) {
    const pid_t pid = 100 + (round % 50);
    fork(10, pid);
    exec(pid, "churn");
    mmap(pid, 0x1000, 0x2000, "/opt/churn" + std::to_string(round % 7));
    exit(pid, pid);
    now_ += kSecond / 10;
    if (round % 100 == 0)
      retire();
  }
  retire();
  EXPECT_EQ(table_.live_count(), 1U);
  EXPECT_EQ(table_.exited_count(), 0U);
  EXPECT_EQ(store_.forget_unused(0).size(), 7U);
  EXPECT_EQ(store_.size(), 2U) << "the resident's program and library";
}

} // namespace
} // namespace pprofd
