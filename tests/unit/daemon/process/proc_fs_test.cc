#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "daemon/process/proc_fs.h"
#include "symbolizer/base/fd.h"
#include "tests/unit/daemon/process/fake_proc.h"

namespace pprofd {
namespace {

using testing::Contains;
using testing::ElementsAre;

constexpr std::string_view kStat =
    "4242 (cat) R 4190 4242 4190 34816 4242 4194304 92 0 0 0 0 0 0 0 20 0 7 0 138564 2990080 362 "
    "18446744073709551615 94431847460864 94431847478793 140733822029152 0 0 0 0 6 0 1 0 0 17 0 0 0 "
    "0 0 0 0 0 0 0 0 0 0 0\n";

TEST(ParseStat, ReadsTheFields) {
  const auto stat = parse_stat(kStat);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 4242);
  EXPECT_EQ(stat->comm, "cat");
  EXPECT_EQ(stat->state, 'R');
  EXPECT_EQ(stat->parent, 4190);
  EXPECT_EQ(stat->threads, 7);
  EXPECT_EQ(stat->start_ticks, 138564U);
  EXPECT_EQ(stat->minor_faults, 92U);
  EXPECT_EQ(stat->rss_pages, 362U);
  EXPECT_FALSE(stat->kernel_thread());
}

TEST(ParseStat, TellsTheKindsOfFaultsAndTimesApart) {
  const auto stat = parse_stat("1 (a) S 0 0 0 0 -1 0 11 12 13 14 15 16 17 18 20 0 1 0 9 10 21");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->minor_faults, 11U);
  EXPECT_EQ(stat->major_faults, 13U);
  EXPECT_EQ(stat->user_ticks, 15U);
  EXPECT_EQ(stat->system_ticks, 16U);
  EXPECT_EQ(stat->start_ticks, 9U);
  EXPECT_EQ(stat->rss_pages, 21U);
}

TEST(ParseIo, ReadsWhatReachedTheDisk) {
  const auto io = parse_io("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\n"
                           "write_bytes: 8192\ncancelled_write_bytes: 0\n");
  ASSERT_TRUE(io);
  EXPECT_EQ(io->read_bytes, 4096U);
  EXPECT_EQ(io->written_bytes, 8192U);
  EXPECT_FALSE(parse_io("rchar: 1\n"));
}

TEST(ParseStat, TakesNamesMadeToConfuse) {
  for (const std::string name : {"", " ", ")", "a) R 1 (b", "x\ny", "(((", ") Z 0 0"}) {
    std::string text(kStat);
    text.replace(text.find("cat"), 3, name);
    const auto stat = parse_stat(text);
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->comm, name);
    EXPECT_EQ(stat->start_ticks, 138564U);
  }
}

TEST(ParseStat, RefusesWhatIsCutShort) {
  for (size_t length = 0; length < kStat.find("138564"); ++length)
    EXPECT_FALSE(parse_stat(kStat.substr(0, length))) << length;
}

TEST(ParseStat, KnowsKernelThreadsByTheirFlag) {
  EXPECT_TRUE(parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0 0 0 0")
                  ->kernel_thread());
}

TEST(ParseStatus, ReadsNamespacePidsAndUids) {
  const auto status = parse_status("Name:\tx\nTgid:\t77\nPid:\t78\nUid:\t1000\t1001\t1002\t1003\n"
                                   "NSpid:\t77\t12\t1\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->tgid, 77);
  EXPECT_EQ(status->effective_uid, 1001U);
  EXPECT_THAT(status->namespace_pids, ElementsAre(77, 12, 1));
  EXPECT_FALSE(parse_status("Name:\tx\n"));
  EXPECT_FALSE(parse_status(""));
}

TEST(ParseMapsLine, ReadsAnExecutableFile) {
  const auto mapping = parse_maps_line("55c6d7366000-55c6d7367000 r-xp 00002000 fe:01 9978047      "
                                       "                      /usr/bin/a b");
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->start.value, 0x55c6d7366000U);
  EXPECT_EQ(mapping->end.value, 0x55c6d7367000U);
  EXPECT_EQ(mapping->offset.value, 0x2000U);
  EXPECT_EQ(mapping->device, makedev(0xfe, 1));
  EXPECT_EQ(mapping->inode, 9978047U);
  EXPECT_EQ(mapping->name, "/usr/bin/a b");
}

TEST(ParseMapsLine, ReadsWhatHasNoFile) {
  EXPECT_EQ(parse_maps_line("7f0000000000-7f0000001000 rwxp 00000000 00:00 0 ")->name, "");
  EXPECT_EQ(parse_maps_line("7f0000000000-7f0000001000 rwxp 00000000 00:00 0")->name, "");
  EXPECT_EQ(parse_maps_line("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          "
                            "        [vsyscall]")
                ->name,
            "[vsyscall]");
}

TEST(ParseMapsLine, UndoesTheEscapeOfNewlines) {
  EXPECT_EQ(
      parse_maps_line("1000-2000 r-xp 00000000 00:01 5    /memfd:a\\012b\\040 (deleted)")->name,
      "/memfd:a\nb\\040 (deleted)");
}

TEST(ParseMapsLine, LeavesOutWhatIsNotExecutableOrMakesNoSense) {
  for (const char* line :
       {"", "1000-2000", "1000-2000 r--p 00000000 00:00 0", "2000-1000 r-xp 00000000 00:00 0",
        "1000-1000 r-xp 00000000 00:00 0", "x-y r-xp 0 0:0 0", "1000-2000 r-xp zz 00:00 0",
        "1000-2000 r-xp 00000000 0000 0", "1000-2000 r-xp 00000000 00:00 x",
        "1000-2000 r-xpp 00000000 00:00 0", "11111111111111111-2000 r-xp 00000000 00:00 0"})
    EXPECT_FALSE(parse_maps_line(line)) << line;
}

TEST(ProcFs, ListsProcessesOnlyAndInOrder) {
  FakeProc proc;
  proc.add({.pid = 30});
  proc.add({.pid = 4});
  proc.file("self", "");
  proc.file("12x", "");
  EXPECT_THAT(*ProcFs(proc.root()).pids(), ElementsAre(4, 30));
  EXPECT_FALSE(ProcFs(proc.root() + "/nowhere").pids());
}

TEST(ProcFs, ReadsMapsOfAnySizeAndKeepsTheExecutableLinesOnly) {
  FakeProc proc;
  std::string maps;
  char line[128];
  for (unsigned i = 0; i < 20000; ++i) {
    std::snprintf(line, sizeof(line), "%x000-%x000 r-%cp 00000000 00:00 0 /l%u\n", i + 1, i + 2,
                  i % 2000 == 0 ? 'x' : '-', i);
    maps += line;
  }
  maps += "ff0000000-ff0001000 r-xp 00000000 00:00 0 /last line without newline";
  proc.add({.pid = 9, .maps = maps});
  const auto mappings = ProcFs(proc.root()).maps(9);
  ASSERT_TRUE(mappings);
  ASSERT_EQ(mappings->size(), 11U);
  EXPECT_EQ((*mappings)[1].name, "/l2000");
  EXPECT_EQ(mappings->back().name, "/last line without newline");
}

TEST(ProcFs, AnswersNothingForAProcessThatIsGone) {
  FakeProc proc;
  const ProcFs fs(proc.root());
  EXPECT_FALSE(fs.stat(5));
  EXPECT_FALSE(fs.status(5));
  EXPECT_FALSE(fs.comm(5));
  EXPECT_FALSE(fs.cgroup(5));
  EXPECT_FALSE(fs.exe(5));
  EXPECT_FALSE(fs.mount_namespace(5));
  EXPECT_FALSE(fs.owner(5));
  EXPECT_FALSE(fs.maps(5));
  EXPECT_EQ(fs.accessible_thread(5), 0);
  EXPECT_TRUE(fs.threads(5).empty());
}

TEST(ProcFs, AddsUpTheSwitchesOfAllThreads) {
  const FakeProc proc;
  const ProcFs fs(proc.root());
  for (const std::string tid : {"7", "8"})
    proc.file("7/task/" + tid + "/status",
              "Name:\tx\nvoluntary_ctxt_switches:\t" + tid + "\nnonvoluntary_ctxt_switches:\t1\n");
  const auto switches = fs.switches(7, 2);
  ASSERT_TRUE(switches);
  EXPECT_EQ(switches->voluntary, 15U);
  EXPECT_EQ(switches->involuntary, 2U);
  EXPECT_FALSE(fs.switches(7, 1));
  EXPECT_FALSE(fs.switches(8, 9));
}

TEST(ProcFs, AddsUpTheWaitingOfAllThreads) {
  const FakeProc proc;
  const ProcFs fs(proc.root());
  for (const std::string tid : {"7", "8"})
    proc.file("7/task/" + tid + "/schedstat", "1000 " + tid + "00 3\n");
  EXPECT_EQ(fs.run_queue_nanos(7, 2), 1500U);
  EXPECT_FALSE(fs.run_queue_nanos(7, 1));
  EXPECT_FALSE(fs.run_queue_nanos(8, 9));
  proc.file("9/task/9/comm", "x\n"); // a kernel that does not say
  EXPECT_FALSE(fs.run_queue_nanos(9, 9));
}

TEST(ProcFs, CountsThreads) {
  const ProcFs fs;
  EXPECT_EQ(fs.thread_count(::getpid()), fs.threads(::getpid()).size());
  EXPECT_FALSE(fs.thread_count(0x3fffffff));
}

TEST(ProcFs, CountsOpenFiles) {
  const ProcFs fs;
  const auto before = fs.descriptors(::getpid(), 10'000);
  ASSERT_TRUE(before);
  const Fd another(::dup(0));
  EXPECT_EQ(fs.descriptors(::getpid(), 10'000), *before + 1);
}

TEST(ProcFs, LooksAtALiveThreadWhereTheLeaderIsAZombie) {
  FakeProc proc;
  proc.add({.pid = 50, .state = 'Z', .thread_ids = {50, 51, 52}});
  proc.add({.pid = 51, .state = 'X'});
  proc.add({.pid = 52, .state = 'S'});
  EXPECT_EQ(ProcFs(proc.root()).accessible_thread(50), 52);
  proc.add({.pid = 52, .state = 'Z'});
  EXPECT_EQ(ProcFs(proc.root()).accessible_thread(50), 0);
}

// Against the real /proc, with other sources as oracles.
TEST(ProcFs, AgreesWithTheSystemAboutThisProcess) {
  const ProcFs fs;
  const pid_t self = ::getpid();
  const auto stat = fs.stat(self);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, self);
  EXPECT_EQ(stat->parent, ::getppid());
  EXPECT_EQ(fs.owner(self), ::geteuid());
  EXPECT_EQ(fs.exe(self), std::filesystem::read_symlink("/proc/self/exe").string());
  struct ::stat info{};
  ASSERT_EQ(::stat("/proc/self/ns/mnt", &info), 0);
  EXPECT_EQ(fs.mount_namespace(self), info.st_ino);
  EXPECT_THAT(*fs.pids(), Contains(self));
  EXPECT_EQ(fs.status(self)->effective_uid, ::geteuid());
  EXPECT_FALSE(fs.cgroup(self)->empty());
}

TEST(ProcFs, FindsTheCodeOfThisProcessAndANameWithANewline) {
  const int memfd = ::memfd_create("two\nlines", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(memfd, 4096), 0);
  void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, memfd, 0);
  ASSERT_NE(at, MAP_FAILED);
  const auto mappings = ProcFs().maps(::getpid());
  ASSERT_TRUE(mappings);
  const auto code = reinterpret_cast<uint64_t>(&parse_maps_line);
  const auto holds = [](uint64_t address) {
    return testing::Truly([address](const ProcMapping& mapping) {
      return mapping.start.value <= address && address < mapping.end.value;
    });
  };
  EXPECT_THAT(*mappings, Contains(holds(code)));
  struct ::stat info{};
  ::fstat(memfd, &info);
  EXPECT_THAT(*mappings, Contains(testing::Truly([&](const ProcMapping& mapping) {
    return mapping.start.value == reinterpret_cast<uint64_t>(at) &&
           mapping.name == "/memfd:two\nlines (deleted)" && mapping.inode == info.st_ino;
  })));
  ::munmap(at, 4096);
  ::close(memfd);
}

} // namespace
} // namespace pprofd
