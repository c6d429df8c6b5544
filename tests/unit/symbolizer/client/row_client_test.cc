// Unwind rows through the client: with the real worker, and with workers that lie.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <span>
#include <thread>

#include "symbolizer/base/hex.h"
#include "symbolizer/base/sanitized.h"
#include "symbolizer/client/worker_client.h"
#include "symbolizer/unwind/rows.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using namespace std::chrono_literals;
using test::Scratch;
using testing::HasSubstr;
using testing::StartsWith;

WorkerOptions options_with(const std::string& program = PPROFD_TEST_WORKER,
                           std::chrono::milliseconds deadline = 60s) {
  WorkerOptions options;
  options.program = program;
  options.deadline = deadline;
  options.restarts_per_minute = 10'000;
  return options;
}

// Keeps all rows that come, as whole rows again.
struct Collector {
  std::vector<Row> rows;
  std::vector<unwind_rule> rules;
  size_t batches = 0;

  void take(const RowBatch& batch) {
    ++batches;
    rules.insert(rules.end(), batch.new_rules.begin(), batch.new_rules.end());
    ASSERT_EQ(batch.addresses.size(), batch.rules.size());
    for (size_t i = 0; i < batch.addresses.size(); ++i)
      rows.push_back(
          {.address = {batch.base.value + batch.addresses[i]}, .rule = rules.at(batch.rules[i])});
  }
  RowBatchSink sink() {
    return [this](const RowBatch& batch) { take(batch); };
  }
};

struct InProcess {
  std::vector<Row> rows;
  UnwindFacts facts;
  std::string build_id;
  std::vector<ElfSegment> segments;
};

InProcess compile_here(int fd, const RowOptions& options) {
  InProcess result;
  const auto source = ByteSource::of_file(fd).value();
  const auto image = ElfImage::open(source).value();
  const RowSink sink = [&](std::span<const Row> rows) {
    result.rows.insert(result.rows.end(), rows.begin(), rows.end());
  };
  result.facts = compile_rows(source, image, options, sink).value();
  result.build_id = hex_of(image.build_id());
  for (const ElfSegment& segment : image.segments())
    if (segment.executable)
      result.segments.push_back(segment);
  return result;
}

void expect_same_facts(const UnwindTableFacts& got, const InProcess& here) {
  EXPECT_EQ(got.failure, "");
  EXPECT_EQ(got.build_id, here.build_id);
  EXPECT_EQ(got.rows, here.rows.size());
  EXPECT_EQ(got.machine, EM_X86_64);
  const UnwindFacts& a = got.unwind;
  const UnwindFacts& b = here.facts;
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.gaps, b.gaps);
  EXPECT_EQ(a.fdes, b.fdes);
  EXPECT_EQ(a.malformed, b.malformed);
  EXPECT_EQ(a.merged_pairs, b.merged_pairs);
  EXPECT_EQ(a.rows_decoded, b.rows_decoded);
  EXPECT_EQ(a.eh_frame_bytes, b.eh_frame_bytes);
  EXPECT_EQ(a.unsupported_cfa, b.unsupported_cfa);
  EXPECT_EQ(a.unsupported_fp, b.unsupported_fp);
  EXPECT_EQ(a.unsupported_sp, b.unsupported_sp);
  EXPECT_EQ(a.go_functions, b.go_functions);
  EXPECT_EQ(a.signal_trampolines, b.signal_trampolines);
  EXPECT_EQ(a.text.start, b.text.start);
  EXPECT_EQ(a.text.end, b.text.end);
  EXPECT_EQ(a.notes, b.notes);
  EXPECT_EQ(a.go.has_value(), b.go.has_value());
  ASSERT_EQ(got.segments.size(), here.segments.size());
  for (size_t i = 0; i < got.segments.size(); ++i) {
    EXPECT_EQ(got.segments[i].offset, here.segments[i].offset);
    EXPECT_EQ(got.segments[i].address, here.segments[i].address);
    EXPECT_EQ(got.segments[i].file_size, here.segments[i].file_size);
    EXPECT_EQ(got.segments[i].memory_size, here.segments[i].memory_size);
  }
}

// Rows and facts are those the compiler makes in this process.
void expect_same(WorkerClient& client, uint64_t id, int fd, const RowOptions& options) {
  Collector got;
  const auto facts = client.compile_rows(id, fd, options, got.sink());
  const InProcess here = compile_here(fd, options);
  ASSERT_EQ(got.rows.size(), here.rows.size());
  EXPECT_TRUE(std::ranges::equal(got.rows, here.rows));
  EXPECT_EQ(facts.rules, got.rules.size());
  EXPECT_EQ(got.batches != 0, !here.rows.empty());
  expect_same_facts(facts, here);
}

TEST(Rows, AreTheCompilersOwn) {
  WorkerClient client(options_with());
  uint64_t id = 0;
  for (const char* path : {"/usr/lib/x86_64-linux-gnu/libc.so.6",
                           "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/proc/self/exe"})
    for (const RowOptions& options :
         {RowOptions{}, kTableRows, RowOptions{.merge_pairs = false, .beyond_cfi = false}}) {
      SCOPED_TRACE(path);
      const Fd fd = test::open_file(path);
      expect_same(client, ++id, fd.get(), options);
    }
  EXPECT_EQ(client.status().starts, 1U);
}

TEST(Rows, OfTheVdsoComeFromItsImageInMemory) {
  const Fd file(::memfd_create("vdso", MFD_CLOEXEC));
  const uint64_t start = ::getauxval(AT_SYSINFO_EHDR);
  ASSERT_NE(start, 0U);
  const auto& header = *reinterpret_cast<const Elf64_Ehdr*>(start); // NOLINT: auxv has numbers
  const size_t size = header.e_shoff + size_t{header.e_shnum} * header.e_shentsize;
  ASSERT_EQ(::write(file.get(), &header, size), static_cast<ssize_t>(size));
  WorkerClient client(options_with());
  expect_same(client, 1, file.get(), kTableRows);
  Collector got;
  EXPECT_TRUE(
      client.compile_rows(1, file.get(), kTableRows, got.sink()).unwind.has_unwind_information());
  EXPECT_GT(got.rows.size(), 20U);
}

// The largest files a distribution has, within the worker's usual memory.
TEST(Rows, OfAHundredMegabytesComeWithinTheWorkersMemory) {
  if (kSanitized)
    GTEST_SKIP() << "a sanitizer's memory cannot be limited";
  WorkerClient client(options_with());
  uint64_t id = 0;
  size_t tried = 0;
  for (const char* path :
       {"/usr/lib/x86_64-linux-gnu/libLLVM.so.19.1", "/usr/lib/chromium/chromium"}) {
    if (!std::filesystem::exists(path))
      continue;
    ++tried;
    const Fd fd = test::open_file(path);
    uint64_t rows = 0;
    const auto facts = client.compile_rows(
        ++id, fd.get(), kTableRows, [&](const RowBatch& batch) { rows += batch.addresses.size(); });
    EXPECT_EQ(facts.failure, "") << path;
    EXPECT_EQ(facts.rows, rows) << path;
    EXPECT_GT(rows, 10'000U) << path;
  }
  if (tried == 0)
    GTEST_SKIP() << "no large file is there";
  EXPECT_EQ(client.status().starts, 1U);
}

TEST(Rows, AMappingsAddressComesFromTheSegments) {
  const Scratch scratch;
  test::run("gcc -nostdlib -static -Wl,-z,separate-code -x c -o " + scratch.path("s") +
            " - <<'E'\nvoid _start(void) { for (;;); }\nE");
  WorkerClient client(options_with());
  const Fd fd = test::open_file(scratch.path("s"));
  Collector got;
  const auto facts = client.compile_rows(1, fd.get(), kTableRows, got.sink());
  EXPECT_EQ(translate(facts.segments, {0x1000}), ElfAddress{0x401000});
  EXPECT_EQ(translate(facts.segments, {0x7fffffff}), std::nullopt);
  ASSERT_FALSE(got.rows.empty());
  EXPECT_EQ(got.rows.front().address, ElfAddress{0x401000});
  EXPECT_EQ(facts.base, ElfAddress{0x400000});
}

TEST(Rows, BeyondCallFrameInformationComeOnlyWhereAskedFor) {
  const Scratch scratch;
  test::run("gcc -nostdlib -static -x assembler -o " + scratch.path("s") +
            " - <<'E'\n.globl _start\n_start: hlt\nE");
  WorkerClient client(options_with());
  const Fd fd = test::open_file(scratch.path("s"));
  Collector with;
  client.compile_rows(1, fd.get(), {.beyond_cfi = true}, with.sink());
  ASSERT_FALSE(with.rows.empty());
  EXPECT_EQ(with.rows[0].rule.ra, UNWIND_RA_UNDEFINED);
  Collector without;
  client.compile_rows(1, fd.get(), {.beyond_cfi = false}, without.sink());
  EXPECT_TRUE(without.rows.empty());
}

TEST(Rows, AFileWithoutUnwindInformationHasNoneAndDoesNotFail) {
  const Scratch scratch;
  test::run("gcc -nostdlib -static -x assembler -o " + scratch.path("s") +
            " - <<'E'\n.globl _start\n_start: jmp _start\nE");
  WorkerClient client(options_with());
  const Fd fd = test::open_file(scratch.path("s"));
  Collector got;
  const auto facts = client.compile_rows(1, fd.get(), {.beyond_cfi = false}, got.sink());
  EXPECT_EQ(facts.failure, "");
  EXPECT_FALSE(facts.unwind.has_unwind_information());
  EXPECT_EQ(facts.segments.size(), 1U);
  for (const Row& row : got.rows)
    EXPECT_EQ(row.rule.cfa, UNWIND_CFA_NONE);
}

TEST(Rows, FilesThatAreNoneSayWhy) {
  const Scratch scratch;
  WorkerClient client(options_with());
  Collector got;
  const std::map<std::string, std::string> files = {
      {scratch.write("empty", ""), "the file is empty"},
      {scratch.write("script", "#!/bin/sh\n"), "not an ELF file"},
      {"/dev/zero", "not a regular file"},
      {"/", "not a regular file"}};
  uint64_t id = 0;
  for (const auto& [path, why] : files) {
    const Fd fd = test::open_file(path);
    EXPECT_THAT(client.compile_rows(++id, fd.get(), kTableRows, got.sink()).failure,
                HasSubstr(why));
  }
  test::run("gcc -c -x c -o " + scratch.path("o") + " - <<'E'\nint f(void) { return 1; }\nE");
  const Fd object = test::open_file(scratch.path("o"));
  EXPECT_THAT(client.compile_rows(++id, object.get(), kTableRows, got.sink()).failure,
              HasSubstr("a relocatable file has no addresses yet"));
  EXPECT_THAT(client.compile_rows(++id, -1, kTableRows, got.sink()).failure,
              StartsWith("no file: "));
  EXPECT_EQ(got.batches, 0U);
  EXPECT_EQ(client.status().starts, 1U);
}

TEST(Rows, AndNamesAreAskedForByManyThreads) {
  WorkerClient client(options_with());
  const Fd fd = test::open_file("/usr/lib/x86_64-linux-gnu/libc.so.6");
  const InProcess here = compile_here(fd.get(), kTableRows);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (uint64_t id = 0; id < 2; ++id)
    threads.emplace_back([&, id] {
      for (int i = 0; i < 3; ++i) {
        Collector got;
        client.compile_rows(id, fd.get(), kTableRows, got.sink());
        right += std::ranges::equal(got.rows, here.rows);
        right += client.symbolize(id, fd.get(), {}).build_id == here.build_id;
      }
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(right, 12);
  EXPECT_EQ(client.status().starts, 1U);
}

// Names asked for before take nothing away from rows: sections are dropped with symbols.
TEST(Rows, ComeAfterTheNamesOfTheSameFile) {
  WorkerClient client(options_with());
  const Fd fd = test::open_file("/usr/lib/x86_64-linux-gnu/libc.so.6");
  const std::vector<FileOffset> asked = {{0x30000}};
  client.symbolize(1, fd.get(), asked);
  expect_same(client, 1, fd.get(), kTableRows);
}

TEST(Rows, MayBeTakenSlowly) {
  constexpr auto kDeadline = kSanitized ? 6s : 2s;
  WorkerClient client(options_with(PPROFD_TEST_WORKER, kDeadline));
  const Fd fd = test::open_file("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
  int batches = 0;
  const auto facts = client.compile_rows(1, fd.get(), kTableRows, [&](const RowBatch&) {
    if (++batches <= 2)
      std::this_thread::sleep_for(kDeadline * 3 / 4);
  });
  EXPECT_EQ(facts.failure, "");
  EXPECT_GE(batches, 2);
}

TEST(Symbols, AreListedInOrderWithTheirSource) {
  const Scratch scratch;
  test::run("g++ -O1 -nostdlib -shared -fPIC -Wl,--build-id -x c++ -o " + scratch.path("s") +
            " - <<'E'\nint twice(int x) { return x + x; }\n"
            "namespace a { int thrice(int x) { return twice(x) + x; } }\nE");
  WorkerClient client(options_with());
  const Fd fd = test::open_file(scratch.path("s"));
  std::map<std::string, ListedSymbol> listed;
  uint64_t last = 0;
  const auto facts = client.list_symbols(1, fd.get(), [&](const ListedSymbol& symbol) {
    EXPECT_LE(last, symbol.start.value);
    last = symbol.start.value;
    listed[std::string(symbol.name)] = symbol;
  });
  EXPECT_EQ(facts.failure, "");
  EXPECT_EQ(facts.build_id.size(), 40U);
  ASSERT_TRUE(listed.contains("twice(int)"));
  ASSERT_TRUE(listed.contains("a::thrice(int)"));
  EXPECT_EQ(facts.sources.at(listed["twice(int)"].source).name, ".symtab");
  for (const auto& symbol : test::nm(scratch.path("s"), ""))
    if (symbol.name == "_Z5twicei") {
      EXPECT_EQ(listed["twice(int)"].start.value, symbol.address);
      EXPECT_EQ(listed["twice(int)"].size, symbol.size);
    }
  uint64_t counted = 0;
  for (const SymbolSource& source : client.list_symbols(1, fd.get()).sources)
    counted += source.symbols;
  EXPECT_EQ(counted, listed.size());
}

TEST(Symbols, OfAFileThatIsNoneSayWhy) {
  WorkerClient client(options_with());
  const Scratch scratch;
  const Fd fd = test::open_file(scratch.write("script", "#!/bin/sh\n"));
  EXPECT_THAT(client.list_symbols(1, fd.get()).failure, HasSubstr("not an ELF file"));
}

// Each is a program that behaves as its name says (bad_worker.cc).
struct Bad {
  std::string name;
  WorkerEnd end;
  std::string failure; // how it begins
  uint64_t starts;     // a file whose rows had come in part is not tried again at once
};
void PrintTo(const Bad& value, std::ostream* out) {
  *out << value.name;
}

class BadRowWorker : public testing::TestWithParam<Bad> {};

INSTANTIATE_TEST_SUITE_P(
    Rows, BadRowWorker,
    testing::Values(
        Bad{"exits", WorkerEnd::kStart, "the symbolizer did not start: it exited", 1},
        Bad{"garbage", WorkerEnd::kProtocol, "the symbolizer answered wrongly: not a message", 2},
        Bad{"rows_descend", WorkerEnd::kProtocol,
            "the symbolizer answered wrongly: rows that do not ascend", 1},
        Bad{"rows_endless", WorkerEnd::kProtocol, "the symbolizer answered wrongly: too many rows",
            1},
        Bad{"rows_of_no_rule", WorkerEnd::kProtocol,
            "the symbolizer answered wrongly: a row with a rule", 2},
        Bad{"rules_endless", WorkerEnd::kProtocol,
            "the symbolizer answered wrongly: too many rules", 1},
        Bad{"rows_half", WorkerEnd::kDied, "the symbolizer exited with status 5", 1},
        Bad{"silent", WorkerEnd::kDeadline, "the symbolizer did not answer within 2 s", 1},
        Bad{"crashes", WorkerEnd::kDied, "the symbolizer was killed by SIGSEGV", 2}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(BadRowWorker, CostsRowsOnly) {
  const Scratch scratch;
  const std::string program = scratch.path(GetParam().name);
  std::filesystem::copy_file(PPROFD_TEST_BAD_WORKER, program);
  WorkerClient client(options_with(program, GetParam().name == "silent" ? 2s : 60s));
  const Fd fd = test::open_file("/proc/self/exe");
  uint64_t next = 0;
  uint64_t rules = 0;
  uint64_t rows = 0;
  const auto facts = client.compile_rows(1, fd.get(), kTableRows, [&](const RowBatch& batch) {
    rules += batch.new_rules.size();
    rows += batch.addresses.size();
    for (size_t i = 0; i < batch.addresses.size(); ++i) {
      ASSERT_GE(batch.addresses[i], next);
      next = uint64_t{batch.addresses[i]} + 1;
      ASSERT_LT(batch.rules[i], rules);
    }
  });
  EXPECT_THAT(facts.failure, StartsWith(GetParam().failure));
  EXPECT_EQ(facts.rows, rows);
  EXPECT_EQ(facts.rules, rules);
  const WorkerStatus status = client.status();
  EXPECT_GE(status.ends[static_cast<size_t>(GetParam().end)], 1U);
  EXPECT_EQ(status.starts, GetParam().starts);
  EXPECT_EQ(status.pid, 0);
}

} // namespace
} // namespace pprofd::symbolizer
