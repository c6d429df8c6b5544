// What the process table costs: per event, per process read, per 1,000 processes.
//
//   build/release/bin/process_benchmark        (as root: reading other processes needs privileges)
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "daemon/process/process_table.h"
#include "daemon/process/sideband.h"

namespace pprofd {
namespace {

// A program and six libraries, as most processes have.
constexpr int kFiles = 7;

MmapEvent file_mapping(int index) {
  MmapEvent mmap;
  mmap.start = {0x400000U + (static_cast<uint64_t>(index) * 0x100000U)};
  mmap.length = 0x20000;
  mmap.name = "/usr/lib/x86_64-linux-gnu/library-number-" + std::to_string(index) + ".so.1";
  mmap.build_id.size = 20;
  mmap.build_id.bytes[0] = static_cast<uint8_t>(index + 1);
  return mmap;
}

// A table whose files are all known: what is measured is the table, not the opening.
struct Bench {
  Bench()
      : store({},
              [](const OpenRequest& request) -> Result<OpenedFile> {
                OpenedFile file;
                file.fd = Fd(::memfd_create("file", MFD_CLOEXEC));
                file.identity.inode = std::hash<std::string>()(request.name);
                file.owned_by_root = true;
                return file;
              }),
        table(ProcFs("/nonexistent"), store) {
    table.apply({1, 1, 1, ForkEvent{}});
  }
  void fork(pid_t parent, pid_t pid) { table.apply({++time, pid, pid, ForkEvent{parent, parent}}); }
  void exec(pid_t pid) {
    table.apply({++time, pid, pid, CommEvent{"program", true}});
    for (const MmapEvent& mapping : mappings)
      table.apply({++time, pid, pid, mapping});
  }
  void exit(pid_t pid) { table.apply({++time, pid, pid, ExitEvent{}}); }

  ExecutableStore store;
  ProcessTable table;
  uint64_t time = 1;
  std::vector<MmapEvent> mappings = [] {
    std::vector<MmapEvent> made;
    made.reserve(kFiles);
    for (int file = 0; file < kFiles; ++file)
      made.push_back(file_mapping(file));
    return made;
  }();
};

void BM_ThreadForkAndExit(benchmark::State& state) {
  Bench bench;
  bench.fork(1, 10);
  bench.exec(10);
  ProcessEvent fork{0, 10, 11, ForkEvent{10, 10}};
  ProcessEvent exit{0, 10, 11, ExitEvent{}};
  while (state.KeepRunning()) {
    fork.time = ++bench.time;
    bench.table.apply(fork);
    exit.time = ++bench.time;
    bench.table.apply(exit);
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(BM_ThreadForkAndExit);

void BM_ForkAndExit(benchmark::State& state) {
  Bench bench;
  bench.fork(1, 10);
  bench.exec(10);
  pid_t pid = 100;
  while (state.KeepRunning()) {
    bench.fork(10, pid);
    bench.exit(pid);
    if (++pid % 1000 == 0)
      bench.table.retire_exited(UINT64_MAX, [](const Process&) { return true; });
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(BM_ForkAndExit);

// A whole short process: fork, exec, its mappings, exit.
void BM_ProcessLife(benchmark::State& state) {
  Bench bench;
  bench.fork(1, 10);
  bench.exec(10);
  pid_t pid = 100;
  while (state.KeepRunning()) {
    bench.fork(10, pid);
    bench.exec(pid);
    bench.exit(pid);
    if (++pid % 1000 == 0)
      bench.table.retire_exited(UINT64_MAX, [](const Process&) { return true; });
  }
  state.SetItemsProcessed(state.iterations() * (kFiles + 3));
}
BENCHMARK(BM_ProcessLife);

void BM_FindAndLookUp(benchmark::State& state) {
  Bench bench;
  for (pid_t pid = 100; pid < 1100; ++pid) {
    bench.fork(1, pid);
    bench.exec(pid);
  }
  std::vector<uint64_t> starts;
  for (pid_t pid = 100; pid < 1100; ++pid)
    starts.push_back(bench.table.live(pid)->start_time);
  size_t at = 0;
  while (state.KeepRunning()) {
    at = (at + 7) % starts.size();
    Process* process = bench.table.find(static_cast<pid_t>(100 + at), starts[at]);
    benchmark::DoNotOptimize(bench.table.find_mapping(*process, {0x700010}, bench.time));
  }
}
BENCHMARK(BM_FindAndLookUp);

void BM_MemoryOf1000Processes(benchmark::State& state) {
  const bool exec = state.range(0) != 0;
  double bytes = 0;
  while (state.KeepRunning()) {
    Bench bench;
    bench.fork(1, 10);
    bench.exec(10);
    const size_t before = ::mallinfo2().uordblks;
    for (pid_t pid = 100; pid < 1100; ++pid) {
      bench.fork(10, pid);
      if (exec)
        bench.exec(pid);
    }
    bytes = static_cast<double>(::mallinfo2().uordblks - before);
  }
  state.counters["bytes"] = bytes;
  state.SetLabel(exec ? "each with a program of its own" : "forked, mappings shared");
}
BENCHMARK(BM_MemoryOf1000Processes)->Arg(0)->Arg(1)->Iterations(1);

void BM_ScanThisProcess(benchmark::State& state) {
  ExecutableStore store;
  ProcessTable table(ProcFs(), store);
  table.scan(::getpid());
  while (state.KeepRunning())
    benchmark::DoNotOptimize(table.scan(::getpid()));
  state.counters["mappings"] = static_cast<double>(table.live(::getpid())->space.live().size());
}
BENCHMARK(BM_ScanThisProcess)->UseRealTime();

void BM_ScanAll(benchmark::State& state) {
  size_t found = 0;
  while (state.KeepRunning()) {
    ExecutableStore store;
    ProcessTable table(ProcFs(), store);
    found = table.scan_all().value_or(0);
  }
  state.counters["processes"] = static_cast<double>(found);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(found));
}
BENCHMARK(BM_ScanAll)->UseRealTime()->Unit(benchmark::kMillisecond);

// One process with very many mappings, of which few are executable.
void BM_ScanManyMappings(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  static constexpr size_t kPage = 4096;
  const Fd fd(::memfd_create("pages", MFD_CLOEXEC));
  if (::ftruncate(fd.get(), static_cast<off_t>(2 * kPage)) != 0) {
    state.SkipWithError("ftruncate");
    return;
  }
  // Every other page of the file: no two can be joined.
  void* area = ::mmap(nullptr, count * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (size_t page = 0; page < count; ++page)
    if (::mmap(static_cast<char*>(area) + (page * kPage), kPage, PROT_READ, MAP_SHARED | MAP_FIXED,
               fd.get(), static_cast<off_t>(page % 2 * kPage)) == MAP_FAILED) {
      ::munmap(area, count * kPage);
      state.SkipWithError("vm.max_map_count is too low");
      return;
    }
  ExecutableStore store;
  ProcessTable table(ProcFs(), store, {.scan_deadline = std::chrono::seconds(10)});
  while (state.KeepRunning())
    benchmark::DoNotOptimize(table.scan(::getpid()));
  ::munmap(area, count * kPage);
}
BENCHMARK(BM_ScanManyMappings)->Arg(60000)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_HelperThreadHandOver(benchmark::State& state) {
  BlockingCalls calls;
  while (state.KeepRunning())
    calls.run("k", 0, std::chrono::seconds(10), [] {});
}
BENCHMARK(BM_HelperThreadHandOver)->UseRealTime();

void BM_OpenOwnProgram(benchmark::State& state) {
  const auto maps = ProcFs().maps(::getpid());
  const ProcMapping& mapping = maps->front();
  const FileOpener opener;
  while (state.KeepRunning())
    benchmark::DoNotOptimize(opener.open({.pid = ::getpid(),
                                          .start = mapping.start,
                                          .end = mapping.end,
                                          .name = mapping.name,
                                          .others = {},
                                          .device = mapping.device,
                                          .inode = mapping.inode,
                                          .expected = {}}));
}
BENCHMARK(BM_OpenOwnProgram);

// The kernel's side and ours together: starting /bin/true with and without the side band.
void BM_SpawnTrue(benchmark::State& state) {
  ExecutableStore store;
  ProcessTable table(ProcFs(), store);
  Result<Sideband> sideband = fail("", "");
  if (state.range(0) != 0) {
    sideband = Sideband::open();
    if (!sideband || !table.scan_all()) {
      state.SkipWithError("not allowed here");
      return;
    }
  }
  EventQueue queue;
  char program[] = "/bin/true";
  char* argv[] = {program, nullptr};
  while (state.KeepRunning()) {
    pid_t pid = 0;
    ::posix_spawn(&pid, program, nullptr, nullptr, argv, environ);
    ::waitpid(pid, nullptr, 0);
    if (sideband) {
      const uint64_t until = sideband->drain(queue.incoming());
      queue.take(until, [&](const ProcessEvent& event) { table.apply(event); });
      table.retire_exited(UINT64_MAX, [](const Process&) { return true; });
    }
  }
  state.SetLabel(state.range(0) != 0 ? "watched" : "not watched");
}
BENCHMARK(BM_SpawnTrue)->Arg(0)->Arg(1)->UseRealTime();

} // namespace
} // namespace pprofd

BENCHMARK_MAIN();
