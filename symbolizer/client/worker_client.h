// The daemon's side of the worker: hands descriptors over, gets names and unwind rows back, and
// survives whatever becomes of the worker. The caller parses no ELF and trusts no byte that comes
// back.
//
// A worker that dies, hangs past the deadline or answers with anything but the protocol is killed
// and started again, at a bounded rate; a file that ended two workers is not tried a third time.
// All of that costs names and rows only: every call returns, symbolize() with one entry per offset
// asked.
//
// Threads: symbolize() and compile_rows() may be called from any thread, one call runs at a time,
// the others wait; whoever must not wait for the rows of a large file has a client for rows of its
// own. status() may be called from any thread at any time and does not wait for a running call.
// The worker is started by the first call of symbolize(), compile_rows() or start(). It is a child
// process of the caller: whoever reaps children with waitpid(-1) takes its exit status away, which
// is tolerated.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/debug_links.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/names_fault.h"
#include "symbolizer/base/text_pool.h"
#include "symbolizer/elf/segment.h"
#include "symbolizer/unwind/facts.h"
#include "symbolizer/unwind/row.h"

namespace pprofd::symbolizer {

enum class DemangleStyle {
  kFull,      // as llvm-symbolizer prints
  kTemplates, // no parameters, no return type
  kSimple,    // no template arguments either
  kNone,      // the mangled name
};

// One function of an address, as a profile wants it. All text is valid UTF-8 without control
// characters, and the SymbolizedFile's.
struct SourceFrame {
  std::string_view function;
  std::string_view
      system_name;       // as the file states it; equal to `function` where nothing was mangled
  std::string_view file; // empty: unknown
  uint32_t line = 0;     // 0: unknown, as the next two
  uint32_t column = 0;
  uint32_t start_line = 0;
};

// What a file is that names are asked of, and by what.
enum class NamesFile : uint8_t {
  kElf,          // offsets in the file
  kElfByAddress, // its virtual addresses
  kPerfMap,      // process addresses
  kJitDump,      // the same, each as of a time
};

struct SymbolizedAddress {
  ElfAddress address;              // the file offset itself where the file could not be read
  ElfAddress function_start;       // known without a name too; 0: it is not
  std::vector<SourceFrame> frames; // innermost first; empty: no symbol
};

// Opens the files that a split unit's (.dwo) of that name may be, the likeliest first; the name may
// be relative to the folder, and both are the worker's word. Of more than a packet takes the first
// are used. Must not throw; its time does not count against the deadline, and is its own to bound.
using SplitFileOpener =
    std::function<std::vector<Fd>(const std::string& folder, const std::string& name)>;

// Whether names come with lines and inlined functions, and files with the debug information that
// the file itself does not have; -1: there is none.
struct DebugDescriptors {
  bool lines = false;
  int file = -1;
  int supplementary = -1; // what dwz has put aside from it
  int package = -1;       // its split units (.dwp), where nothing was put aside
  const SplitFileOpener* split_files = nullptr; // of units without a package; nullptr: none
  int scratch = -1; // a file of DebugLinks::inflated bytes, open for writing, which is the
                    // worker's from now on
  // The file's index: lines and names come from it alone, and no faults. -1: there is none.
  int index = -1;
  // GCC warns where it is left out otherwise. NOLINTNEXTLINE(readability-redundant-member-init)
  std::string_view index_key{}; // under which it was made, not empty
};

// How the making of an index went.
struct MadeIndex {
  uint64_t size = 0;   // from the file's start on; 0: there is none
  std::string failure; // why not
};

struct SymbolizedFile {
  std::string build_id;                     // lower case hex; empty: none
  DebugLinks links;                         // the worker's word, as all of this
  std::vector<SymbolizedAddress> addresses; // one per offset, in the order asked
  std::string failure;                      // why names are missing; empty when nothing went wrong
  bool answered = false;                    // the worker did, whatever it said
  NamesFault names_fault = NamesFault::kNone; // why there are no names, or not all of them
  NamesFault lines_fault = NamesFault::kNone; // the same of lines, where they were asked for
  bool index_refused = false;                 // the index is damaged or none: ask without
  bool split_files = false;                   // its split units have files of their own
  TextPool texts;                             // what the frames show
};

// Some of a file's unwind rows, in address order. What the spans show is gone after the call.
struct RowBatch {
  uint16_t machine = 0;                   // EM_*; the same in all batches, as base
  ElfAddress base;                        // what address 0 stands for
  std::span<const uint32_t> addresses;    // ascending, from batch to batch too
  std::span<const uint16_t> rules;        // one a row: index among all rules of the file so far
  std::span<const unwind_rule> new_rules; // they get the next indexes
};
// Must not throw; its time does not count against the deadline.
using RowBatchSink = std::function<void(const RowBatch&)>;

// What was found in a file beside its rows. Numbers and names are the worker's word: good for
// reports, bounded in size, not to be relied on.
struct UnwindTableFacts {
  std::string build_id; // lower case hex; empty: none
  std::string failure;  // why not all rows came: those that did are of no use; empty: all came
  ElfAddress base;      // of the rows
  uint64_t rows = 0;    // that were passed on, at most kMaxUnwindRows
  uint64_t rules = 0;   // … with so many different rules
  uint16_t machine = 0; // EM_*
  std::vector<ElfSegment> segments; // the executable ones; translate() gives a mapping's address
  UnwindFacts unwind;
};

// One symbol of a list. What the view shows is gone after the call.
struct ListedSymbol {
  ElfAddress start;
  uint64_t size = 0;
  size_t source = 0; // index in the list's sources
  std::string_view name;
};
// Must not throw; its time does not count against the deadline.
using SymbolSink = std::function<void(const ListedSymbol&)>;

struct SymbolSource {
  std::string name; // ".symtab", …
  uint64_t symbols = 0;
};

// Where a file's symbols come from. As with rows, the worker's word.
struct SymbolFacts {
  std::string build_id;              // lower case hex; empty: none
  std::string failure;               // why there are no symbols; empty when nothing went wrong
  std::vector<SymbolSource> sources; // all that are known, also those without a symbol
  uint64_t memory = 0;               // bytes the table takes in the worker
  std::vector<std::string> notes;    // what could not be used and why
};

struct WorkerOptions {
  // Started with argv { "pprofd: worker", "__worker", … } and the socket as descriptor 3; its main
  // function must pass control to worker_main() (symbolizer/worker/worker_main.h).
  std::string program = "/proc/self/exe";
  DemangleStyle demangle = DemangleStyle::kFull;
  uint64_t memory_limit = 150'000'000;        // bytes the worker may allocate (RLIMIT_DATA)
  std::chrono::milliseconds deadline{10'000}; // of one call, starting the worker included, without
                                              // the time that the caller's sink takes
  std::chrono::milliseconds cpu_limit{0};     // of one request; 0: the deadline
  unsigned restarts_per_minute = 20;
  bool background = false; // its work waits for everybody else's
};

// Why a worker ended that was not asked to.
enum class WorkerEnd {
  kStart,    // it could not be started or did not greet
  kDied,     // it exited or was killed by somebody else
  kDeadline, // it did not answer in time and was killed
  kProtocol, // it answered what the protocol forbids and was killed
};
inline constexpr size_t kWorkerEnds = 4;
// "start", "died", "deadline", "protocol": the reason in /metrics.
std::string_view name_of(WorkerEnd end);

// One measure of the worker's sandbox.
struct SandboxPart {
  std::string name; // "uid", "capabilities", "seccomp", …
  bool applied = false;
  std::string detail; // the value, or why it could not be applied
};

struct WorkerStatus {
  pid_t pid = 0;                            // 0: none is running
  uint64_t starts = 0;                      // workers started, the first included
  std::array<uint64_t, kWorkerEnds> ends{}; // by WorkerEnd
  std::string last_end;                     // how the last one ended, in words; empty: none did
  uint64_t refused_files = 0;               // files that ended two workers
  std::vector<SandboxPart> sandbox;         // as the last worker reported it
  std::chrono::nanoseconds cpu_time{0};     // user and system, of all workers so far
  uint64_t anonymous_bytes = 0;             // RssAnon + RssShmem of the running worker
};

class WorkerClient {
public:
  explicit WorkerClient(WorkerOptions options);
  ~WorkerClient(); // ends the worker
  WorkerClient(const WorkerClient&) = delete;
  WorkerClient& operator=(const WorkerClient&) = delete;

  // Starts the worker now instead of with the first symbolize(). Returns why it could not be
  // started, or an empty string.
  std::string start();

  // The names of `offsets` in the file behind `fd`, which stays the caller's and must be a regular
  // file opened for reading. `file_id` is the caller's stable id of the file: the worker keeps what
  // it parsed under that id as far as memory allows. No offsets: only the build id. Blocks, at most
  // for the deadline. A perf map (a JIT compiler's list of its functions) may grow between calls. A
  // file's debug files are to be the same ones in
  // each of its calls. A file whose lines ended two workers still has names: ask without lines.
  SymbolizedFile symbolize(uint64_t file_id, int fd, std::span<const FileOffset> offsets,
                           NamesFile form = NamesFile::kElf, DebugDescriptors debug = {});

  // The same of a JIT compiler's jitdump: what was at each of the process addresses at a time of
  // its own (ns, CLOCK_MONOTONIC). The file may grow between calls.
  SymbolizedFile symbolize_jit_dump(uint64_t file_id, int fd, std::span<const FileOffset> addresses,
                                    std::span<const uint64_t> times);

  // The unwind rows of the file behind `fd`; both parameters as above. `sink` is called on this
  // thread with rows as they come, not at all for a file without unwind information. The file is
  // tried a second time only where no row had come. Blocks, at most for the deadline.
  UnwindTableFacts compile_rows(uint64_t file_id, int fd, const RowOptions& options,
                                const RowBatchSink& sink);

  // Where the symbols of the file behind `fd` come from; parameters as above. With a sink every
  // symbol goes to it, in address order.
  SymbolFacts list_symbols(uint64_t file_id, int fd, const SymbolSink& sink = {});

  // Makes the index of a file into the one behind `debug.index`, of `room` bytes and open for
  // writing, under `debug.index_key`; other parameters as above. What is in it is the worker's
  // word, and is checked when it is used. Blocks, at most for the deadline.
  MadeIndex make_index(uint64_t file_id, int fd, const DebugDescriptors& debug, uint64_t room);

  // Ends the running call, without names, and lets every later one fail at once. Any thread.
  void abandon();

  [[nodiscard]] WorkerStatus status() const;

private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace pprofd::symbolizer
