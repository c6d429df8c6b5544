// Programs whose units have their debug information in files of their own (.dwo), through the
// cache of the worker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "symbolizer/worker/file_cache.h"
#include "symbolizer/worker/index_maker.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;
using testing::HasSubstr;

constexpr uint64_t kMemory = 150'000'000;
constexpr size_t kManyUnits = SplitFiles::kMost + 20;

// Each unit has a function with one that is inlined, at a label.
std::string unit_source(size_t number) {
  const std::string n = std::to_string(number);
  return "static inline __attribute__((always_inline)) int inner" + n +
         "(int a) {\n  asm volatile(\".globl in" + n + "\\nin" + n +
         ": nop\");\n  return a;\n}\nint outer" + n + "(int a) {\n  return inner" + n + "(a);\n}\n";
}

class SplitUnits : public testing::TestWithParam<const char*> {
protected:
  void SetUp() override { build(2); }

  void build(size_t units) {
    (void)scratch_.write("main.c", "int main(void) { return 0; }\n");
    for (size_t i = 0; i < units; ++i)
      (void)scratch_.write("u" + std::to_string(i) + ".c", unit_source(i));
    test::run("cd " + scratch_.path("") + " && " + GetParam() +
              " -w -O2 -c u*.c && gcc main.c u*.o -o program");
    fd_ = test::open_file(scratch_.path("program"));
    addresses_.resize(units);
    for (const auto& symbol : test::nm(scratch_.path("program"), ""))
      if (symbol.name.starts_with("in") &&
          symbol.name.find_first_not_of("0123456789", 2) == std::string::npos)
        addresses_.at(std::stoul(symbol.name.substr(2))) = {symbol.address};
  }

  const ParsedFile& open(FileCache& cache) {
    return cache.get_lines(1, ByteSource::of_file(fd_.get()).value(), NameStyle::kFull,
                           {.file = fd_.get(), .split_files = [this](const auto& reference) {
                              ++fetched_;
                              last_ =
                                  std::string(reference.folder) + "/" + std::string(reference.name);
                              std::vector<Fd> files;
                              files.push_back(test::open_file(last_));
                              return files;
                            }});
  }

  // Functions of each address, a line each.
  std::vector<std::string> chains(DebugInfo& debug) {
    std::vector<std::string> found(addresses_.size());
    debug.find_all(addresses_, [&](size_t index, std::span<const dwarf::Frame> frames) {
      for (const dwarf::Frame& frame : frames)
        found.at(index) += std::string(frame.name) + ":" + std::to_string(frame.line) + "\n";
    });
    return found;
  }

  [[nodiscard]] std::vector<std::string> expected() const {
    std::vector<std::string> chains;
    chains.reserve(addresses_.size());
    for (size_t i = 0; i < addresses_.size(); ++i)
      chains.push_back("inner" + std::to_string(i) + ":2\nouter" + std::to_string(i) + ":6\n");
    return chains;
  }

  Scratch scratch_;
  Fd fd_;
  std::vector<ElfAddress> addresses_;
  size_t fetched_ = 0;
  std::string last_; // that was fetched
};

INSTANTIATE_TEST_SUITE_P(Worker, SplitUnits,
                         testing::Values("gcc -gdwarf-5 -gsplit-dwarf",
                                         "gcc -gdwarf-4 -gsplit-dwarf",
                                         "clang-19 -gdwarf-4 -gsplit-dwarf",
                                         "clang-19 -gdwarf-5 -gsplit-dwarf=single"));

TEST_P(SplitUnits, AreReadFromMoreFilesThanAreHeld) {
  build(kManyUnits);
  FileCache cache(kMemory);
  const ParsedFile& parsed = open(cache);
  ASSERT_NE(parsed.debug, nullptr);
  EXPECT_EQ(fetched_, 0U);
  EXPECT_EQ(chains(*parsed.debug), expected());
  EXPECT_EQ(fetched_, kManyUnits);
  EXPECT_EQ(chains(*parsed.debug), expected());
  EXPECT_GT(fetched_, kManyUnits);
  EXPECT_EQ(parsed.why_nameless(), "");
}

TEST_P(SplitUnits, OnlyThatOfTheAddressIsFetchedAndOnce) {
  FileCache cache(kMemory);
  for (int i = 0; i < 3; ++i) {
    const auto frames = open(cache).debug->find(addresses_.at(1));
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames.front().name, "inner1");
  }
  EXPECT_EQ(fetched_, 1U);
}

TEST_P(SplitUnits, WithoutTheirFilesHaveLinesAndSaySo) {
  FileCache cache(kMemory);
  const ParsedFile& parsed = cache.get_lines(1, ByteSource::of_file(fd_.get()).value(),
                                             NameStyle::kFull, {.file = fd_.get()});
  const auto frames = parsed.debug->find(addresses_.at(1));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames.front().line, 2U);
  EXPECT_THAT(parsed.why_nameless(), HasSubstr("split units were not found"));
  EXPECT_THAT(parsed.why_nameless(), HasSubstr("u1."));
}

// As a compiler may that writes it anew in place.
TEST_P(SplitUnits, OfAFileThatIsCutShortAreReadFromTheNext) {
  FileCache cache(kMemory);
  ASSERT_EQ(open(cache).debug->find(addresses_.at(1)).size(), 2U);
  const std::string whole = test::read_file(last_);
  std::filesystem::resize_file(last_, 0);
  EXPECT_TRUE(open(cache).debug->find(addresses_.at(1)).empty());
  std::filesystem::remove(last_);
  (void)scratch_.write(std::filesystem::path(last_).filename().string(), whole);
  EXPECT_EQ(open(cache).debug->find(addresses_.at(1)).size(), 2U);
}

TEST_P(SplitUnits, HaveNoIndex) {
  FileCache cache(kMemory);
  const auto source = ByteSource::of_file(fd_.get()).value();
  std::vector<std::byte> room(8 << 20);
  const auto made = make_index(open(cache), source, room, "key");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().why, HasSubstr("its split units have files of their own"));
}

} // namespace
} // namespace pprofd::symbolizer
