#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "symbolizer/worker/file_cache.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;

constexpr uint64_t kMemory = 150'000'000;

// Many functions, so that a table weighs something.
std::string build_library(const Scratch& scratch, const std::string& name, int functions) {
  std::string source = ".text\n";
  for (int i = 0; i < functions; ++i) {
    const std::string function = name + "_" + std::to_string(i);
    source += ".globl " + function + "\n.type " + function + ", @function\n" + function +
              ": ret\n.size " + function + ", 1\n";
  }
  test::run("gcc -nostdlib -shared -Wl,--build-id " + scratch.write(name + ".s", source) + " -o " +
            scratch.path(name));
  return scratch.path(name);
}

ByteSource source_of(const Fd& fd) {
  return ByteSource::of_file(fd.get()).value();
}

TEST(FileCache, ParsesSymbolsOnlyWhenNamesAreAskedFor) {
  const Scratch scratch;
  const Fd fd = test::open_file(build_library(scratch, "a", 10));
  FileCache cache(kMemory);
  EXPECT_FALSE(cache.get(1, source_of(fd), false).symbols);
  const ParsedFile& parsed = cache.get(1, source_of(fd), true);
  ASSERT_TRUE(parsed.symbols);
  EXPECT_EQ(parsed.symbols->size(), 10U);
  EXPECT_EQ(parsed.why_nameless(), "");
}

TEST(FileCache, AnIdWhoseFileChangedIsParsedAnew) {
  const Scratch scratch;
  const std::string a = build_library(scratch, "a", 10);
  const Fd first = test::open_file(a);
  const Fd second = test::open_file(build_library(scratch, "b", 20));
  FileCache cache(kMemory);
  EXPECT_EQ(cache.get(1, source_of(first), true).symbols->size(), 10U);
  EXPECT_EQ(cache.get(1, source_of(second), true).symbols->size(), 20U);
  const Fd third = test::open_file(a);
  ASSERT_EQ(::truncate(a.c_str(), 10), 0);
  EXPECT_EQ(cache.get(1, source_of(third), true).why_nameless(),
            "read the ELF header: it reaches beyond the end of the file");
}

// Each holds a mapping, of which there can be only so many.
TEST(FileCache, AnyNumberOfFilesHasDebugInformation) {
  const Scratch scratch;
  const std::string program = scratch.path("program");
  test::run("gcc -g -o " + program + " " +
            scratch.write("main.c", "int main(void) { return 0; }\n"));
  const Fd fd = test::open_file(program);
  const auto symbols = test::nm(program, "");
  const ElfAddress main{std::ranges::find(symbols, "main", &test::NmSymbol::name)->address};
  FileCache cache(kMemory);
  for (uint64_t id = 0; id < 2 * MappedFile::kMaxMappings; ++id) {
    const ParsedFile& parsed =
        cache.get_lines(id, source_of(fd), NameStyle::kFull, {.file = fd.get()});
    ASSERT_NE(parsed.debug, nullptr) << id;
    ASSERT_EQ(parsed.debug->find(main).front().line, 1U) << id;
    ASSERT_EQ(parsed.why_nameless(), "") << id;
  }
}

TEST(FileCache, APerfMapIsReadOnWhereItGrewAndAnewWhereItIsAnother) {
  const Scratch scratch;
  FileCache cache(kMemory);
  const std::string path = scratch.write("perf-1.map", "1000 10 first\n");
  const Fd fd = test::open_file(path);
  EXPECT_EQ(cache.perf_map(1, source_of(fd)).size(), 1U);
  (void)scratch.write("perf-1.map", "1000 10 first\n2000 10 second\n");
  EXPECT_EQ(cache.perf_map(1, source_of(fd)).size(), 2U);
  EXPECT_EQ(cache.perf_map(1, source_of(fd)).size(), 2U);
  (void)scratch.write("perf-1.map", "3000 10 third\n");
  EXPECT_EQ(cache.perf_map(1, source_of(fd)).find(source_of(fd), 0x3000)->name, "third");
  EXPECT_EQ(cache.perf_map(1, source_of(fd)).size(), 1U);
  const Fd other = test::open_file(scratch.write("perf-2.map", "1000 10 a\n2000 10 b\n3000 1 c\n"));
  EXPECT_EQ(cache.perf_map(1, source_of(other)).size(), 3U);
}

TEST(FileCache, DropsTheLeastRecentlyUsedWhenMemoryRunsOut) {
  const Scratch scratch;
  const Fd fd = test::open_file(build_library(scratch, "a", 2000)); // 32 kB of symbols
  FileCache cache(400'000);                                         // of which 100 kB are kept
  for (uint64_t id = 0; id < 10; ++id) {
    ASSERT_TRUE(cache.get(id, source_of(fd), true).symbols);
    EXPECT_LE(cache.memory(), 100'000U);
  }
  EXPECT_LT(cache.size(), 4U);
  EXPECT_GE(cache.size(), 1U);
}

TEST(FileCache, SaysWhyThereAreNoNames) {
  const Scratch scratch;
  FileCache cache(kMemory);
  const Fd text = test::open_file(scratch.write("text", "hello"));
  EXPECT_EQ(cache.get(1, source_of(text), true).why_nameless(),
            "read the ELF header: not an ELF file");
  EXPECT_EQ(cache.get(1, source_of(text), true).names_fault(), NamesFault::kDamaged);
  const std::string stripped = scratch.path("stripped");
  test::run("gcc -static -nostdlib -x c -o " + stripped + " - <<'E'\nvoid _start(void) {}\nE\n" +
            "strip " + stripped);
  const Fd nameless = test::open_file(stripped);
  EXPECT_EQ(cache.get(2, source_of(nameless), true).why_nameless(), "no symbols");
  EXPECT_EQ(cache.get(2, source_of(nameless), true).names_fault(), NamesFault::kNoSymbols);
  const Fd named = test::open_file(build_library(scratch, "a", 10));
  EXPECT_EQ(cache.get(3, source_of(named), true).names_fault(), NamesFault::kNone);
  EXPECT_EQ(
      cache.get_lines(3, source_of(named), NameStyle::kFull, {.file = named.get()}).lines_fault(),
      NamesFault::kNoDebugInformation);
}

} // namespace
} // namespace pprofd::symbolizer
