// Real Go programs, built here in the ways that move or strip what names are read from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "symbolizer/go/symbols.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer::go {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The comments are what the tests look for.
constexpr const char* kSource = R"(package main

import (
	"fmt"
	"os"
)

var table [8]int

func leaf(a int) int {
	return table[a&7] // leaf
}

func middle(a int) int {
	return leaf(a) + 1 // middle
}

func outer(a int) int {
	return middle(a) * 3 // outer
}

//go:noinline
func work(a int) int {
	return outer(a) // work
}

//go:noinline
func sum[T ~int | ~float64](values []T) (total T) {
	for _, v := range values {
		total += v // sum
	}
	return
}

func main() {
	fmt.Println(work(len(os.Args)), sum([]float64{1, 2}), sum([]int{len(os.Args)}))
}
)";

struct Build {
  std::string name;
  std::string flags;
  bool strip = false;
};

class GoPrograms : public testing::TestWithParam<Build> {
protected:
  void SetUp() override {
    if (std::system("go version >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "there is no Go here";
    static_cast<void>(scratch_.write("go.mod", "module example.org/program\ngo 1.19\n"));
    static_cast<void>(scratch_.write("main.go", kSource));
    program_ = scratch_.path("program");
    test::run("cd " + scratch_.path("") + " && go build -buildvcs=false " + GetParam().flags +
              " -o program . 2>/dev/null");
    symbols_ = test::run("nm " + program_);
    lines_ = test::run("go tool objdump -s '^main\\.(work|sum)' " + program_);
    if (GetParam().strip)
      test::run("strip " + program_);
  }

  // The line of the source with the comment.
  static uint32_t line(const std::string& comment) {
    const auto lines = test::lines_of(kSource);
    for (size_t i = 0; i < lines.size(); ++i)
      if (lines[i].ends_with("// " + comment))
        return static_cast<uint32_t>(i + 1);
    ADD_FAILURE() << comment;
    return 0;
  }

  // An instruction that `go tool objdump` has at the line.
  [[nodiscard]] uint64_t address_of(uint32_t wanted) const {
    for (const std::string& line : test::lines_of(lines_)) {
      std::istringstream fields(line);
      std::string place;
      std::string address;
      if (fields >> place >> address && place == "main.go:" + std::to_string(wanted))
        return std::stoull(address, nullptr, 16);
    }
    ADD_FAILURE() << "no instruction of line " << wanted << " in\n" << lines_;
    return 0;
  }

  test::Scratch scratch_;
  std::string program_;
  std::string symbols_;
  std::string lines_;
};

void expect_names_of_symbols(Symbols& symbols, const std::string& nm) {
  size_t seen = 0;
  for (const std::string& line : test::lines_of(nm)) {
    std::istringstream fields(line);
    std::string address;
    std::string type;
    std::string name;
    fields >> address >> type >> name;
    if ((type != "t" && type != "T") || !name.starts_with("main."))
      continue;
    const auto frames = symbols.find({std::stoull(address, nullptr, 16)});
    ASSERT_FALSE(frames.empty()) << line;
    EXPECT_EQ(frames.back().name, printed_name(name));
    ++seen;
  }
  EXPECT_GE(seen, 4U);
}

TEST_P(GoPrograms, HaveTheirNamesInlinedCallsAndLines) {
  const Fd fd = test::open_file(program_);
  const auto source = ByteSource::of_file(fd.get()).value();
  const auto image = ElfImage::open(source).value();
  auto symbols = Symbols::open(source, image);
  ASSERT_TRUE(symbols) << text_of(symbols.error());
  EXPECT_THAT(symbols->notes(), IsEmpty());
  expect_names_of_symbols(*symbols, symbols_);

  const std::string file = GetParam().flags.find("-trimpath") != std::string::npos
                               ? "example.org/program/main.go"
                               : scratch_.path("main.go");
  std::vector<std::string> frames;
  for (const Frame& frame : symbols->find({address_of(line("leaf"))})) {
    frames.push_back(frame.name + ":" + std::to_string(frame.line));
    EXPECT_EQ(frame.file, file);
    EXPECT_EQ(frame.start_line + 1, frame.line);
  }
  const auto expected = [](const std::string& name) {
    return "main." + name + ":" + std::to_string(line(name));
  };
  EXPECT_THAT(frames, ElementsAre(expected("leaf"), expected("middle"), expected("outer"),
                                  expected("work")));

  const auto generic = symbols->find({address_of(line("sum"))});
  ASSERT_FALSE(generic.empty());
  EXPECT_EQ(generic.back().name, "main.sum[...]");
  EXPECT_EQ(generic.back().line, line("sum"));
}

INSTANTIATE_TEST_SUITE_P(
    Built, GoPrograms,
    testing::Values(Build{.name = "plain", .flags = "", .strip = false},
                    Build{.name = "stripped", .flags = "", .strip = true},
                    Build{.name = "trimpath", .flags = "-trimpath", .strip = true},
                    Build{.name = "pie", .flags = "-buildmode=pie", .strip = false},
                    Build{.name = "pie_stripped", .flags = "-buildmode=pie", .strip = true},
                    Build{.name = "linked_by_ld",
                          .flags = "-buildmode=pie -ldflags=-linkmode=external",
                          .strip = true}),
    [](const testing::TestParamInfo<Build>& build) { return build.param.name; });

TEST(GoLinker, StripsNoNames) {
  if (std::system("go version >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "there is no Go here";
  const test::Scratch scratch;
  static_cast<void>(scratch.write("go.mod", "module example.org/program\ngo 1.19\n"));
  static_cast<void>(scratch.write("main.go", kSource));
  const std::string build = "cd " + scratch.path("") + " && go build -buildvcs=false ";
  test::run(build + "-o whole . && go build -buildvcs=false '-ldflags=-s -w' -o stripped .");
  const std::string path = scratch.path("stripped");
  EXPECT_EQ(test::run("readelf -SW " + path + " | grep -c symtab || true"), "0\n");
  const Fd fd = test::open_file(path);
  const auto source = ByteSource::of_file(fd.get()).value();
  const auto image = ElfImage::open(source).value();
  auto symbols = Symbols::open(source, image);
  ASSERT_TRUE(symbols) << text_of(symbols.error());
  const std::string nm = test::run("nm " + scratch.path("whole") + " | grep ' main.work$'");
  const auto frames = symbols->find({std::stoull(nm, nullptr, 16)});
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().name, "main.work");
  EXPECT_THAT(frames.back().file, HasSubstr("main.go"));
}

} // namespace
} // namespace pprofd::symbolizer::go
