// Every form that releases of Go have given their table of functions says the same of a program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>

#include "symbolizer/go/symbols.h"
#include "tests/unit/symbolizer/go/table_assembler.h"

namespace pprofd::symbolizer::go::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kCaller = Elf::kText;
constexpr uint64_t kAssembly = kCaller + 0x1000;
constexpr uint64_t kGeneric = kAssembly + 0x20;

class File {
public:
  explicit File(Bytes bytes)
      : bytes_(std::move(bytes)), source_(ByteSource::of_memory(std::as_bytes(std::span(bytes_)))),
        image_(ElfImage::open(source_).value()), symbols_(Symbols::open(source_, image_)) {}

  [[nodiscard]] std::string failure() const { return symbols_ ? "" : text_of(symbols_.error()); }
  [[nodiscard]] std::vector<std::string> notes() const { return symbols_.value().notes(); }

  // "name file:line"
  std::vector<std::string> at(uint64_t address) {
    std::vector<std::string> lines;
    for (const Frame& frame : find(address))
      lines.push_back(frame.name + " " + frame.file + ":" + std::to_string(frame.line));
    return lines;
  }
  std::vector<Frame> find(uint64_t address) { return symbols_.value().find({address}); }

private:
  Bytes bytes_;
  ByteSource source_;
  ElfImage image_;
  Result<Symbols> symbols_;
};

void expect_outer_frames(File& file) {
  ASSERT_EQ(file.failure(), "");
  EXPECT_THAT(file.at(kCaller), ElementsAre("main.caller /src/a.go:11"));
  EXPECT_THAT(file.at(kCaller + 0x9f), ElementsAre("main.caller /src/a.go:12"));
  EXPECT_THAT(file.at(kCaller + 0xfff), ElementsAre("main.caller /src/a.go:100013"));
  EXPECT_THAT(file.at(kAssembly), ElementsAre("main.assembly :0"));
  EXPECT_THAT(file.at(kGeneric + 15), ElementsAre("main.sum[...].func1 /src/b.go:51"));
  EXPECT_THAT(file.at(kGeneric + 16), IsEmpty());
  EXPECT_THAT(file.at(kCaller - 1), IsEmpty());
  EXPECT_THAT(file.at(UINT64_MAX), IsEmpty());
}

void expect_all_frames(File& file, Release release) {
  expect_outer_frames(file);
  if (release < Release::kGo19)
    return;
  EXPECT_THAT(file.notes(), IsEmpty());
  EXPECT_THAT(file.at(kCaller + 0x5f),
              ElementsAre("main.leaf /src/b.go:41", "main.middle /src/b.go:31",
                          "main.caller /src/a.go:12"));
  EXPECT_THAT(file.at(kCaller + 0x60),
              ElementsAre("main.middle /src/b.go:31", "main.caller /src/a.go:12"));
}

class EachRelease : public testing::TestWithParam<Release> {};

TEST_P(EachRelease, NamesLinesAndInlinedCalls) {
  File file(sample(GetParam()).elf().build());
  expect_all_frames(file, GetParam());
}

TEST_P(EachRelease, StartLines) {
  File file(sample(GetParam()).elf().build());
  const auto frames = file.find(kCaller + 0x40);
  const bool told = GetParam() >= Release::kGo120;
  EXPECT_EQ(frames.back().start_line, told ? 10U : 0U);
  if (frames.size() == 3) {
    EXPECT_EQ(frames[0].start_line, told ? 40U : 0U);
    EXPECT_EQ(frames[1].start_line, told ? 30U : 0U);
  }
}

TEST_P(EachRelease, PointersInRelocationsAlone) {
  File file(sample(GetParam()).relocated().named(".data.rel.ro.gopclntab").elf().build());
  expect_all_frames(file, GetParam());
}

TEST_P(EachRelease, TableWithinAnotherSection) {
  Elf elf = sample(GetParam()).named(".data.rel.ro").elf();
  elf.section(".note.go.buildid", Bytes(16, 0), 0x7e00);
  File file(elf.build());
  expect_all_frames(file, GetParam());
}

TEST_P(EachRelease, WithoutSections) {
  File file(sample(GetParam()).elf().without_sections().build());
  // What tells Go 1.13's kinds of data from those before is a section.
  if (GetParam() == Release::kGo113)
    expect_outer_frames(file);
  else
    expect_all_frames(file, GetParam());
}

std::string name_of(const testing::TestParamInfo<Release>& release) {
  static constexpr std::array kNames = {"Go1_2",  "Go1_9",  "Go1_12", "Go1_13", "Go1_16",
                                        "Go1_18", "Go1_20", "Go1_26", "Go1_27"};
  return kNames.at(static_cast<size_t>(release.param));
}

INSTANTIATE_TEST_SUITE_P(Go, EachRelease,
                         testing::Values(Release::kGo12, Release::kGo19, Release::kGo112,
                                         Release::kGo113, Release::kGo116, Release::kGo118,
                                         Release::kGo120, Release::kGo126, Release::kGo127),
                         name_of);

TEST(GoSymbols, WithoutModuleDataHaveNoInlinedCallsAndSaySo) {
  for (const Release release : {Release::kGo118, Release::kGo120, Release::kGo126}) {
    File file(sample(release).without_module().elf().build());
    expect_outer_frames(file);
    EXPECT_THAT(file.at(kCaller + 0x40), ElementsAre("main.caller /src/b.go:41"));
    EXPECT_THAT(file.notes(), ElementsAre(HasSubstr("module data was not found")));
  }
}

TEST(GoSymbols, RefuseWhatTheyDoNotReadWithTheReason) {
  const auto failure_with = [](size_t offset, uint8_t value) {
    Program changed = sample(Release::kGo120);
    changed.table()[offset] = value;
    return File(changed.elf().build()).failure();
  };
  EXPECT_THAT(failure_with(7, 4), HasSubstr("pointers of 4 bytes are not supported"));
  EXPECT_THAT(failure_with(0, 0xf5), HasSubstr("begins with f5ffffff"));
  EXPECT_THAT(failure_with(14, 1), HasSubstr("number of functions"));
  EXPECT_THAT(failure_with(34, 1), HasSubstr("header is malformed"));
  EXPECT_THAT(File(Elf().section(".gopclntab", Bytes(71, 0), Program::kTable).build()).failure(),
              HasSubstr("too short"));
  EXPECT_THAT(File(Elf().build()).failure(), HasSubstr("there is none"));
}

TEST(GoSymbols, OfCodeThatIsNotInTheFileAreRefused) {
  Program outside = sample(Release::kGo120);
  outside.code(
      {.name = "main.far", .size = 0x10'0000, .files = {}, .lines = {}, .calls = {}, .tree = {}});
  EXPECT_THAT(File(outside.elf().build()).failure(), HasSubstr("code that it is of"));
}

Code looping(uint32_t caller) {
  return {.name = "main.loop",
          .size = 0x100,
          .files = {{0x100, 0}},
          .lines = {{0x100, 1}},
          .calls = {{0x100, 0}},
          .tree = {{.name = "main.self", .caller = caller, .parent = 0}}};
}

TEST(GoSymbols, CallsThatCallThemselvesEnd) {
  for (const Release release : {Release::kGo19, Release::kGo112, Release::kGo120}) {
    File file(Program(release).file("a.go").code(looping(0x10)).elf().build());
    const auto frames = file.find(Elf::kText);
    ASSERT_THAT(frames, SizeIs(256)) << static_cast<int>(release);
    EXPECT_EQ(frames.back().name, "main.loop");
  }
}

TEST(GoSymbols, CallsFromOutsideOfTheFunctionAreNone) {
  File file(Program(Release::kGo120).file("a.go").code(looping(0x100)).elf().build());
  EXPECT_THAT(file.at(Elf::kText), ElementsAre("main.loop a.go:1"));
}

TEST(GoSymbols, CallsThatTheTreeDoesNotHaveAreNone) {
  Code code = looping(0x10);
  for (const int32_t index : {1 << 19, 1 << 20, 0x7fffffff}) {
    code.calls = {{0x100, index}};
    File file(Program(Release::kGo126).file("a.go").code(code).elf().build());
    EXPECT_THAT(file.at(Elf::kText), ElementsAre("main.loop a.go:1"));
  }
}

// Every byte of the table in turn is wrong; nothing but a wrong answer may come of it.
TEST_P(EachRelease, SurvivesAnyWrongByte) {
  const Bytes whole = sample(GetParam()).elf().build();
  size_t answers = 0;
  for (size_t at = 0; at < Program::kTableSize; ++at) {
    if (whole[Program::kTable + at] == 0 && at % 64 != 0)
      continue;
    for (const unsigned wrong : {0x01U, 0x80U, 0xffU}) {
      Bytes changed = whole;
      uint8_t& byte = changed[Program::kTable + at];
      byte = static_cast<uint8_t>(byte ^ wrong);
      File file(std::move(changed));
      if (!file.failure().empty())
        continue;
      for (const uint64_t address : {kCaller, kCaller + 0x40, kAssembly, kGeneric})
        answers += file.find(address).size();
    }
  }
  EXPECT_GT(answers, 1000U);
}

TEST_P(EachRelease, SurvivesAnyEnd) {
  Bytes whole = sample(GetParam()).elf().without_sections().build();
  while (whole.size() > Program::kTable) {
    whole.resize(whole.size() - 61);
    File file(whole);
    if (file.failure().empty())
      static_cast<void>(file.find(kCaller + 0x40));
  }
}

TEST(GoSymbols, NamesAsGoPrintsThem) {
  EXPECT_EQ(printed_name("main.f"), "main.f");
  EXPECT_EQ(printed_name("main.f[go.shape.int]"), "main.f[...]");
  EXPECT_EQ(printed_name("main.(*T[go.shape.[]int]).m.func1"), "main.(*T[...]).m.func1");
  EXPECT_EQ(printed_name("main.]f["), "main.]f[");
  EXPECT_EQ(printed_name(""), "");
}

} // namespace
} // namespace pprofd::symbolizer::go::test
