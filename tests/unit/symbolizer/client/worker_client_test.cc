// The client with the real worker, in all the ways that one can go wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <random>
#include <thread>

#include "symbolizer/base/sanitized.h"
#include "symbolizer/client/worker_client.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using namespace std::chrono_literals;
using test::Scratch;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kSource = R"(
extern "C" int puts(const char*);
namespace shapes {
template <typename T> __attribute__((noinline)) T twice(T x) { puts("x"); return x + x; }
}
extern "C" __attribute__((noinline)) int plain(int x) { puts("y"); return x + 1; }
extern "C" int main(int argc, char**) { return shapes::twice(argc) + plain(argc); }
)";

WorkerOptions options_with(std::chrono::milliseconds deadline = 30s) {
  WorkerOptions options;
  options.program = PPROFD_TEST_WORKER;
  options.deadline = deadline;
  options.restarts_per_minute = 10'000;
  return options;
}

bool wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::yield();
  }
  return true;
}

class Client : public testing::Test {
protected:
  void SetUp() override {
    test::run("g++ -O2 -Wl,--build-id -Wl,-z,separate-code " + scratch_.write("a.cc", kSource) +
              " -o " + path_);
    fd_ = test::open_file(path_);
    for (const auto& symbol : test::nm(path_, ""))
      offsets_[symbol.name] = {symbol.address}; // PIE's code: offset and address are equal
  }

  std::vector<FileOffset> offsets(std::initializer_list<const char*> names) const {
    std::vector<FileOffset> result;
    for (const char* name : names)
      result.push_back(offsets_.at(name));
    return result;
  }
  static std::string name(const SymbolizedFile& file, size_t index = 0) {
    const auto& frames = file.addresses.at(index).frames;
    return frames.empty() ? "?" : std::string(frames[0].function);
  }
  std::string name_of_main(WorkerClient& client, uint64_t id = 1) const {
    return name(client.symbolize(id, fd_.get(), offsets({"main"})));
  }

  Scratch scratch_;
  std::string path_ = scratch_.path("a");
  Fd fd_;
  std::map<std::string, FileOffset> offsets_;
};

TEST_F(Client, NamesAddressesAndIdentifiesTheFile) {
  WorkerClient client(options_with());
  const auto file = client.symbolize(
      1, fd_.get(), offsets({"plain", "_ZN6shapes5twiceIiEET_S1_", "main", "plain"}));
  EXPECT_EQ(file.failure, "");
  EXPECT_THAT(test::run("readelf -n " + path_), HasSubstr("Build ID: " + file.build_id + "\n"));
  EXPECT_EQ(name(file, 0), "plain");
  EXPECT_EQ(name(file, 1), "int shapes::twice<int>(int)");
  EXPECT_EQ(file.addresses[1].frames[0].system_name, "_ZN6shapes5twiceIiEET_S1_");
  EXPECT_EQ(name(file, 2), "main");
  EXPECT_EQ(name(file, 3), "plain");
  EXPECT_EQ(file.addresses[0].frames[0].system_name, "plain");
  for (const auto& address : file.addresses)
    EXPECT_EQ(address.address, address.function_start);
}

TEST_F(Client, WithoutOffsetsItOnlyIdentifies) {
  WorkerClient client(options_with());
  const auto file = client.symbolize(1, fd_.get(), {});
  EXPECT_EQ(file.build_id.size(), 40U);
  EXPECT_TRUE(file.addresses.empty());
  EXPECT_EQ(file.failure, "");
}

// A header, the lines and the load of one function of 0x20 bytes at 0x1000, as jitdump's
// specification has them.
std::string one_jitted_function() {
  std::string bytes;
  const auto add = [&bytes]<typename T>(std::initializer_list<T> values) {
    for (const T value : values)
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  add(std::initializer_list<uint32_t>{0x4a695444, 1, 40, 62, 0, 77});
  add(std::initializer_list<uint64_t>{0, 0});
  add(std::initializer_list<uint32_t>{2, 32 + 16 + 5});
  add(std::initializer_list<uint64_t>{0, 0x1000, 1, 0x1000});
  add(std::initializer_list<uint32_t>{7, 0});
  bytes.append("a.js", 5);
  add(std::initializer_list<uint32_t>{0, 56 + 8 + 3});
  add(std::initializer_list<uint64_t>{10});
  add(std::initializer_list<uint32_t>{77, 78});
  add(std::initializer_list<uint64_t>{0x1000, 0x1000, 0x20, 1});
  bytes.append("_Z3fooi", 7).append("\0\x90\x90\xc3", 4);
  return bytes;
}

TEST_F(Client, CodeThatItsRuntimeDescribesIsNamed) {
  WorkerClient client(options_with());
  const std::vector<FileOffset> addresses{{0x1008}, {0x5000}};
  const Fd map = test::open_file(scratch_.write("perf.map", "1000 20 _Z3fooi\n"));
  const auto mapped = client.symbolize(1, map.get(), addresses, NamesFile::kPerfMap);
  const Fd dump = test::open_file(scratch_.write("jit.dump", one_jitted_function()));
  const auto dumped =
      client.symbolize_jit_dump(2, dump.get(), addresses, std::vector<uint64_t>{20, 20});
  for (const auto* file : {&mapped, &dumped}) {
    EXPECT_EQ(file->failure, "");
    EXPECT_EQ(name(*file, 0), "foo(int)");
    EXPECT_EQ(file->addresses[0].frames[0].system_name, "_Z3fooi");
    EXPECT_EQ(file->addresses[0].function_start.value, 0x1000U);
    EXPECT_EQ(name(*file, 1), "?");
  }
  EXPECT_EQ(mapped.addresses[0].frames[0].line, 0U);
  EXPECT_EQ(dumped.addresses[0].frames[0].line, 7U);
  EXPECT_EQ(dumped.addresses[0].frames[0].file, "a.js");
}

TEST_F(Client, StylesDecideWhatANameLooksLike) {
  const std::map<DemangleStyle, std::string> styles = {
      {DemangleStyle::kFull, "int shapes::twice<int>(int)"},
      {DemangleStyle::kTemplates, "shapes::twice<int>"},
      {DemangleStyle::kSimple, "shapes::twice"},
      {DemangleStyle::kNone, "_ZN6shapes5twiceIiEET_S1_"}};
  for (const auto& [style, expected] : styles) {
    WorkerOptions options = options_with();
    options.demangle = style;
    WorkerClient client(options);
    EXPECT_EQ(name(client.symbolize(1, fd_.get(), offsets({"_ZN6shapes5twiceIiEET_S1_"}))),
              expected);
  }
}

TEST_F(Client, ManyOffsetsComeBackInTheirOrder) {
  WorkerClient client(options_with());
  const auto two = offsets({"main", "plain"});
  std::vector<FileOffset> asked;
  for (int i = 0; i < 20'001; ++i)
    asked.push_back(two[static_cast<size_t>(i) % 3 == 0 ? 0 : 1]);
  const auto file = client.symbolize(1, fd_.get(), asked);
  ASSERT_EQ(file.addresses.size(), asked.size());
  for (size_t i = 0; i < asked.size(); ++i)
    ASSERT_EQ(name(file, i), i % 3 == 0 ? "main" : "plain");
  EXPECT_EQ(client.status().starts, 1U);
}

TEST_F(Client, AddressesAreThereWithoutNames) {
  test::run("gcc -nostdlib -static -Wl,-z,separate-code -x c -o " + scratch_.path("s") +
            " - <<'E'\nvoid _start(void) { for (;;); }\nE\nstrip " + scratch_.path("s"));
  WorkerClient client(options_with());
  const Fd stripped = test::open_file(scratch_.path("s"));
  const std::vector<FileOffset> asked = {{0x1000}, {0x7fffffff}};
  const auto file = client.symbolize(2, stripped.get(), asked);
  EXPECT_EQ(file.addresses[0].address, ElfAddress{0x401000});
  EXPECT_EQ(file.addresses[1].address, ElfAddress{0x7fffffff}); // in no segment: the offset
  EXPECT_TRUE(file.addresses[0].frames.empty());
  EXPECT_EQ(file.failure, "no symbols; 1 positions in no segment of the file");
}

TEST_F(Client, FilesThatAreNoneCostNothingButTheirOwnNames) {
  WorkerClient client(options_with());
  const std::vector<FileOffset> asked = {{0x1000}};
  const std::string program = test::read_file(path_);
  std::string big_endian = program;
  big_endian[5] = 2;
  std::string small = program;
  small[4] = 1;
  const std::map<std::string, std::string> files = {
      {scratch_.write("empty", ""), "the file is empty"},
      {scratch_.write("script", "#!/bin/sh\n"), "not an ELF file"},
      {scratch_.write("cut", program.substr(0, 50)), "it reaches beyond the end of the file"},
      {scratch_.write("big", big_endian), "big-endian ELF files are not supported"},
      {scratch_.write("small", small), "32-bit ELF files are not supported"},
      {"/dev/zero", "not a regular file"},
      {"/", "not a regular file"}};
  uint64_t id = 10;
  for (const auto& [path, why] : files) {
    const Fd fd = test::open_file(path);
    const auto file = client.symbolize(++id, fd.get(), asked);
    EXPECT_THAT(file.failure, HasSubstr(why)) << path;
    EXPECT_EQ(file.addresses.at(0).address, ElfAddress{0x1000}) << path;
  }
  EXPECT_THAT(client.symbolize(++id, -1, asked).failure, StartsWith("no file: "));
  EXPECT_EQ(name_of_main(client), "main");
  EXPECT_EQ(client.status().starts, 1U);
}

TEST_F(Client, AFileReplacedInPlaceIsReadAnew) {
  WorkerClient client(options_with());
  const std::string copy = scratch_.write("copy", test::read_file(path_));
  const Fd fd = test::open_file(copy);
  EXPECT_EQ(name(client.symbolize(5, fd.get(), offsets({"main"}))), "main");
  ASSERT_EQ(::truncate(copy.c_str(), 64), 0);
  EXPECT_NE(client.symbolize(5, fd.get(), offsets({"main"})).failure, "");
  EXPECT_EQ(name_of_main(client), "main");
}

TEST_F(Client, AWorkerKilledBetweenCallsCostsNothing) {
  WorkerClient client(options_with());
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(name_of_main(client), "main");
    const pid_t pid = client.status().pid;
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_TRUE(wait_until([&] {
      return test::read_file("/proc/" + std::to_string(pid) + "/stat").find(") Z") !=
             std::string::npos;
    }));
  }
  EXPECT_EQ(name_of_main(client), "main");
  const WorkerStatus status = client.status();
  EXPECT_EQ(status.starts, 6U);
  EXPECT_EQ(status.ends[static_cast<size_t>(WorkerEnd::kDied)], 5U);
  EXPECT_EQ(status.last_end, "was killed by SIGKILL");
  EXPECT_EQ(status.refused_files, 0U);
}

size_t named(const SymbolizedFile& file) {
  return static_cast<size_t>(std::ranges::count_if(
      file.addresses, [](const SymbolizedAddress& address) { return !address.frames.empty(); }));
}

TEST_F(Client, AWorkerKilledAtAnyTimeCostsNamesAtMost) {
  const Fd large = test::open_file("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
  std::vector<FileOffset> asked;
  for (uint64_t offset = 0xa0000; offset < 0x140000; offset += kSanitized ? 640 : 64)
    asked.push_back({offset});
  WorkerClient client(options_with());
  const size_t all = named(client.symbolize(0, large.get(), asked));
  ASSERT_GT(all, 100U);
  const auto begin = std::chrono::steady_clock::now();
  client.symbolize(1, large.get(), asked);
  // Of a call; what it takes beside other programs may be more.
  std::atomic<std::chrono::microseconds> usual =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                            begin);

  std::atomic<bool> done = false;
  std::atomic<int> kills = 0;
  std::thread killer([&] {
    std::mt19937 random(1);
    while (!done) {
      std::this_thread::sleep_for(usual.load() * (random() % 100) / 20);
      if (const pid_t pid = client.status().pid; pid != 0 && ::kill(pid, SIGKILL) == 0)
        ++kills;
    }
  });
  uint64_t id = 1;
  int whole = 0;
  int failed = 0; // in a row
  const auto end = begin + 60s;
  constexpr int kEnough = kSanitized ? 8 : 25;
  while ((kills < kEnough || whole < 5) && std::chrono::steady_clock::now() < end) {
    const auto file = client.symbolize(++id, large.get(), asked);
    ASSERT_EQ(file.addresses.size(), asked.size());
    whole += file.failure.empty();
    failed = file.failure.empty() ? 0 : failed + 1;
    if (failed != 0 && failed % 8 == 0)
      usual = usual.load() * 2;
    if (file.failure.empty()) {
      EXPECT_EQ(named(file), all);
    } else {
      EXPECT_THAT(file.failure, HasSubstr("symbolizer"));
    }
  }
  done = true;
  killer.join();
  EXPECT_GE(kills, kEnough);
  EXPECT_GE(whole, 5);
  EXPECT_EQ(name_of_main(client, id + 1), "main");
}

TEST_F(Client, AStoppedWorkerIsReplacedAfterTheDeadline) {
  WorkerClient client(options_with(400ms));
  ASSERT_EQ(client.start(), "");
  const auto stop = [&] { ASSERT_EQ(::kill(client.status().pid, SIGSTOP), 0); };
  stop();
  const auto begin = std::chrono::steady_clock::now();
  auto file = client.symbolize(1, fd_.get(), offsets({"main"}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(file.failure, "the symbolizer did not answer within 0.4 s");
  EXPECT_EQ(file.addresses.at(0).address.value, offsets_.at("main").value);

  WorkerClient patient(options_with());
  EXPECT_EQ(name_of_main(patient), "main");
  // The same file once more: it is not tried a third time; another one is.
  ASSERT_EQ(client.start(), "");
  stop();
  client.symbolize(1, fd_.get(), offsets({"main"}));
  EXPECT_EQ(client.status().refused_files, 1U);
  EXPECT_EQ(client.symbolize(1, fd_.get(), offsets({"main"})).failure,
            "not tried again: it ended the symbolizer twice");
  EXPECT_EQ(client.status().ends[static_cast<size_t>(WorkerEnd::kDeadline)], 2U);
}

// The name alone takes more than all memory when it is made readable.
TEST_F(Client, AnAbandonedCallEndsAtOnceAndLaterOnesFail) {
  WorkerClient client(options_with());
  ASSERT_EQ(client.start(), "");
  const pid_t worker = client.status().pid;
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  auto call = std::async(std::launch::async, [&] { return client.symbolize(1, fd_.get(), {}); });
  client.abandon();
  ASSERT_EQ(call.wait_for(5s), std::future_status::ready);
  EXPECT_NE(call.get().failure, "");
  EXPECT_EQ(client.status().pid, 0);
  EXPECT_EQ(client.symbolize(1, fd_.get(), {}).failure, "it was not waited for");
}

TEST_F(Client, AFileThatKillsTheWorkerTwiceIsRefusedAndTheOthersKeepTheirNames) {
  if (kSanitized)
    GTEST_SKIP() << "a sanitizer's memory cannot be limited";
  const std::string hostile = test::exploding_name(40);
  test::run("gcc -nostdlib -shared -Wl,-z,separate-code " +
            scratch_.write("h.s", ".text\n.globl " + hostile + "\n" + hostile + ": .fill 16\n") +
            " -o " + scratch_.path("h"));
  const Fd fd = test::open_file(scratch_.path("h"));
  WorkerClient client(options_with());
  const std::vector<FileOffset> asked = {{test::nm(scratch_.path("h"), "").at(0).address}};
  const auto file = client.symbolize(7, fd.get(), asked);
  EXPECT_THAT(file.failure, StartsWith("the symbolizer was killed by SIG"));
  EXPECT_EQ(client.symbolize(7, fd.get(), asked).failure,
            "not tried again: it ended the symbolizer twice");
  EXPECT_EQ(name_of_main(client), "main");
  const WorkerStatus status = client.status();
  EXPECT_EQ(status.starts, 3U);
  EXPECT_EQ(status.refused_files, 1U);
}

TEST_F(Client, MoreSymbolsThanMemoryAreSaidAndTheWorkerLives) {
  const int count = kSanitized ? 40'000 : 400'000;
  std::string source = ".text\n";
  for (int i = 0; i < count; ++i)
    source += "f" + std::to_string(i) + ": nop\n";
  test::run("gcc -nostdlib -shared -Wl,-z,separate-code " + scratch_.write("m.s", source) + " -o " +
            scratch_.path("m"));
  const Fd fd = test::open_file(scratch_.path("m"));
  const std::vector<FileOffset> asked = {{0x1005}};
  WorkerOptions options = options_with();
  options.memory_limit = static_cast<uint64_t>(count) * 40; // a symbol is allowed 50
  WorkerClient client(options);
  const auto file = client.symbolize(2, fd.get(), asked);
  EXPECT_EQ(file.failure, std::to_string(count) + " symbols, of which " +
                              std::to_string(count / 10 * 8) + " are used");
  EXPECT_EQ(name(file), "f5");
  EXPECT_EQ(name_of_main(client), "main");
  EXPECT_EQ(client.status().starts, 1U);
}

TEST_F(Client, RestartsAreLimited) {
  WorkerOptions options = options_with();
  options.restarts_per_minute = 2;
  WorkerClient client(options);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(client.start(), "");
    const pid_t pid = client.status().pid;
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(wait_until([&] {
      return test::read_file("/proc/" + std::to_string(pid) + "/stat").find(") Z") !=
             std::string::npos;
    }));
  }
  EXPECT_EQ(client.symbolize(1, fd_.get(), offsets({"main"})).failure,
            "the symbolizer was restarted 2 times within a minute");
  EXPECT_EQ(client.status().starts, 3U);
}

TEST_F(Client, TheWorkerEndsWithItsClient) {
  pid_t pid = 0;
  {
    WorkerClient client(options_with());
    ASSERT_EQ(client.start(), "");
    pid = client.status().pid;
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(Client, AProgramThatDoesNotExistIsSaid) {
  WorkerOptions options = options_with();
  options.program = scratch_.path("nothing");
  WorkerClient client(options);
  EXPECT_THAT(client.start(), HasSubstr("No such file or directory"));
  const auto file = client.symbolize(1, fd_.get(), offsets({"main"}));
  EXPECT_THAT(file.failure, HasSubstr("No such file or directory"));
  EXPECT_EQ(file.addresses.size(), 1U);
}

TEST_F(Client, CallersInManyThreadsAllGetTheirNames) {
  WorkerClient client(options_with());
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (uint64_t id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      for (int i = 0; i < 25; ++i) {
        right += name_of_main(client, id) == "main";
        static_cast<void>(client.status());
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(right, 100);
  EXPECT_EQ(client.status().starts, 1U);
}

// Each is a program that behaves as its name says (bad_worker.cc).
struct Bad {
  std::string name;
  WorkerEnd end;
  std::string failure; // how it begins
};
void PrintTo(const Bad& value, std::ostream* out) {
  *out << value.name;
}

class BadWorker : public Client, public testing::WithParamInterface<Bad> {};

INSTANTIATE_TEST_SUITE_P(
    Client, BadWorker,
    testing::Values(
        Bad{"exits", WorkerEnd::kStart, "the symbolizer did not start: it exited with status 3"},
        Bad{"never_greets", WorkerEnd::kStart, "the symbolizer did not start: it "},
        Bad{"greets_wrongly", WorkerEnd::kStart, "the symbolizer did not start: it "},
        Bad{"garbage", WorkerEnd::kProtocol, "the symbolizer answered wrongly: not a message"},
        Bad{"too_large", WorkerEnd::kProtocol,
            "the symbolizer answered wrongly: a packet too large"},
        Bad{"wrong_id", WorkerEnd::kProtocol,
            "the symbolizer answered wrongly: a reply to another"},
        Bad{"escape_sequence", WorkerEnd::kProtocol, "the symbolizer answered wrongly: a text"},
        Bad{"too_many", WorkerEnd::kProtocol, "the symbolizer answered wrongly: more addresses"},
        Bad{"endless", WorkerEnd::kProtocol, "the symbolizer answered wrongly: a reply without"},
        Bad{"half", WorkerEnd::kDied, "the symbolizer exited with status 4"},
        Bad{"silent", WorkerEnd::kDeadline, "the symbolizer did not answer within 0.5 s"},
        Bad{"crashes", WorkerEnd::kDied, "the symbolizer was killed by SIGSEGV"}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(BadWorker, CostsNamesOnly) {
  WorkerOptions options = options_with(500ms);
  options.program = scratch_.path(GetParam().name);
  std::filesystem::copy_file(PPROFD_TEST_BAD_WORKER, options.program);
  WorkerClient client(options);
  const auto two = offsets({"main", "plain"});
  const auto file = client.symbolize(1, fd_.get(), two);
  EXPECT_THAT(file.failure, StartsWith(GetParam().failure));
  ASSERT_EQ(file.addresses.size(), 2U);
  EXPECT_EQ(file.addresses[1].address.value, two[1].value);
  const WorkerStatus status = client.status();
  EXPECT_GE(status.ends[static_cast<size_t>(GetParam().end)], 1U);
  EXPECT_EQ(status.pid, 0);
}

TEST_F(Client, AFileWhoseLinesEndWorkersKeepsItsNames) {
  WorkerOptions options = options_with();
  options.program = scratch_.path("crashes_on_lines");
  std::filesystem::copy_file(PPROFD_TEST_BAD_WORKER, options.program);
  WorkerClient client(options);
  const auto asked = offsets({"main"});
  const DebugDescriptors lines{.lines = true};
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(client.symbolize(1, fd_.get(), asked, NamesFile::kElf, lines).answered);
  EXPECT_EQ(client.status().ends[static_cast<size_t>(WorkerEnd::kDied)], 2U);
  const auto names = client.symbolize(1, fd_.get(), asked);
  EXPECT_TRUE(names.answered);
  EXPECT_EQ(name(names), "main");
}

constexpr std::string_view kSplitSource = R"(
inline __attribute__((always_inline)) int twice(int x) {
  asm volatile(".globl in_twice\nin_twice: nop");
  return x + x;
}
int main(int argc, char**) { return twice(argc); }
)";

// A program of one split unit.
class SplitClient : public Client {
protected:
  void SetUp() override {
    test::run("cd " + scratch_.path("") + " && g++ -O2 -g -gsplit-dwarf -c " +
              scratch_.write("a.cc", kSplitSource) + " -o a.o && g++ a.o -o a");
    fd_ = test::open_file(path_);
    for (const auto& symbol : test::nm(path_, ""))
      offsets_[symbol.name] = {symbol.address};
  }

  // The chain of an address within what is inlined.
  std::vector<std::string> chain(WorkerClient& client, const SplitFileOpener* opener) const {
    const auto file = client.symbolize(1, fd_.get(), offsets({"in_twice"}), NamesFile::kElf,
                                       {.lines = true, .split_files = opener});
    EXPECT_TRUE(file.answered) << file.failure;
    std::vector<std::string> names;
    for (const SourceFrame& frame : file.addresses.at(0).frames)
      names.emplace_back(frame.function);
    return names;
  }
};

TEST_F(SplitClient, FilesOfUnitsAreHandedOverWhenTheyAreAskedFor) {
  std::string asked;
  const SplitFileOpener opener = [&](const std::string& folder, const std::string& name) {
    asked += (std::filesystem::path(folder) / name).lexically_normal().string() + "\n";
    std::vector<Fd> files;
    for (const char* const file : {"a.o", "a", "a.dwo"}) // each of the others has no such unit
      files.push_back(test::open_file(scratch_.path(file)));
    return files;
  };
  WorkerClient client(options_with());
  const auto names = client.symbolize(1, fd_.get(), offsets({"in_twice"}), NamesFile::kElf,
                                      {.lines = true, .split_files = &opener});
  EXPECT_TRUE(names.split_files);
  EXPECT_EQ(names.failure, "");
  EXPECT_THAT(chain(client, &opener), ElementsAre("twice(int)", "main"));
  EXPECT_EQ(asked, scratch_.path("a.dwo") + "\n"); // once
}

TEST_F(SplitClient, FilesThatAreNotThereCostInlinedFunctions) {
  const SplitFileOpener none = [](const auto&, const auto&) { return std::vector<Fd>(); };
  const SplitFileOpener many = [&](const auto&, const auto&) {
    std::vector<Fd> files(40); // more than a packet takes
    for (Fd& file : files)
      file = test::open_file(path_);
    return files;
  };
  for (const SplitFileOpener* const opener :
       {static_cast<const SplitFileOpener*>(nullptr), &none, &many}) {
    WorkerClient client(options_with());
    EXPECT_THAT(chain(client, opener), ElementsAre("main"));
    EXPECT_EQ(client.status().starts, 1U);
  }
}

TEST_F(SplitClient, AWorkerThatWantsFilesForEverCostsNamesOnly) {
  WorkerOptions options = options_with();
  options.program = scratch_.path("wants_files_for_ever");
  std::filesystem::copy_file(PPROFD_TEST_BAD_WORKER, options.program);
  WorkerClient client(options);
  size_t opened = 0;
  const SplitFileOpener opener = [&](const auto&, const auto&) {
    ++opened;
    return std::vector<Fd>();
  };
  for (const SplitFileOpener* const offered :
       {&opener, static_cast<const SplitFileOpener*>(nullptr)}) {
    const auto file =
        client.symbolize(offered == nullptr ? 1 : 2, fd_.get(), offsets({"main", "in_twice"}),
                         NamesFile::kElf, {.lines = true, .split_files = offered});
    EXPECT_FALSE(file.answered);
    EXPECT_THAT(file.failure, StartsWith("the symbolizer answered wrongly: more files asked for"));
  }
  EXPECT_EQ(opened, 2U * 2); // an address may be of one unit; the file was tried twice
}

} // namespace
} // namespace pprofd::symbolizer
