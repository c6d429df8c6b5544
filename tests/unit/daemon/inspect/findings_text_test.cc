#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/inspect/findings_text.h"

namespace pprofd {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

Findings some_findings() {
  Findings findings;
  findings.file = "/bin/x";
  findings.size = 8192;
  findings.symbols.build_id = "01ab";
  findings.symbols.sources = {{.name = ".symtab", .symbols = 3}, {.name = ".plt", .symbols = 2}};
  findings.symbols.memory = 80;
  findings.symbols_time = 1500us;
  findings.lines.file = "/usr/lib/debug/x";
  findings.lines_time = 3ms;
  findings.rows.machine = EM_X86_64;
  findings.rows.rows = 10;
  findings.rows.rules = 4;
  findings.rows.unwind.fdes = 5;
  findings.rows.unwind.eh_frame_bytes = 123;
  findings.rows.unwind.text = {.start = {0x1000}, .end = {0x2000}};
  findings.rows_time = 2ms;
  return findings;
}

TEST(FindingsText, NamesSourcesCountsSizesAndTimes) {
  EXPECT_EQ(findings_text(some_findings()), R"(file             /bin/x
size             8192 bytes
build id         01ab
machine          x86-64
code             0x1000-0x2000

symbols          5
  .symtab        3
  .plt           2
  memory         80 bytes
  time           1.5 ms

lines            by /usr/lib/debug/x
  time           3.0 ms

unwind rows      10
  .eh_frame      123 bytes
  .debug_frame   0 bytes
  FDEs           5
  trampolines    0
  rows decoded   0
  merged pairs   0
  gaps           0
  rules          4
  memory         40 bytes in the kernel and 96 of rules, which files share
  time           2.0 ms
)");
}

TEST(FindingsText, SaysWhatWasNotUsedAndWhy) {
  Findings findings = some_findings();
  findings.rows.unwind.malformed[static_cast<size_t>(symbolizer::FdeFault::kInstruction)] = 7;
  findings.rows.unwind.unsupported_cfa = 3;
  findings.rows.unwind.notes = {"a note of the rows"};
  findings.symbols.notes = {"a note of the symbols"};
  EXPECT_THAT(findings_text(findings),
              HasSubstr("\nnot used\n  malformed FDEs, instruction: 7\n"
                        "  rows whose CFA is an expression of an unknown shape: 3\n"
                        "  a note of the symbols\n  a note of the rows\n"));
  EXPECT_THAT(findings_text(some_findings()), Not(HasSubstr("not used")));
}

TEST(FindingsText, SaysWhyLinesAreMissing) {
  Findings findings = some_findings();
  findings.lines = {
      .file = {}, .fault = symbolizer::NamesFault::kNoDebugInformation, .failure = "no symbols"};
  EXPECT_THAT(findings_text(findings),
              HasSubstr("\nlines            missing: no debug information\n"));
  EXPECT_THAT(findings_text(findings), Not(HasSubstr("not used")));
  findings.lines = {.file = "/x.debug",
                    .fault = symbolizer::NamesFault::kDamaged,
                    .failure = "a section is cut off"};
  EXPECT_THAT(findings_text(findings), HasSubstr("\nlines            missing: damaged\n"));
  EXPECT_THAT(findings_text(findings), HasSubstr("\nnot used\n  a section is cut off\n"));
}

TEST(FindingsText, AFileWithoutUnwindInformationIsWalkedByFramePointers) {
  Findings findings = some_findings();
  findings.rows.rows = 0;
  findings.rows.unwind.fdes = 0;
  EXPECT_THAT(findings_text(findings),
              HasSubstr("unwind rows      0; stacks are walked by frame "));
}

TEST(FindingsText, RowsThatFailLeaveTheSymbols) {
  Findings findings = some_findings();
  findings.rows = {};
  findings.rows.failure = "machine: 243 is neither x86-64 nor arm64";
  const std::string text = findings_text(findings);
  EXPECT_THAT(text, HasSubstr("unwind rows      none: machine: 243 is neither"));
  EXPECT_THAT(text, HasSubstr("symbols          5\n"));
  EXPECT_THAT(text, Not(HasSubstr("machine          ")));
}

TEST(FindingsText, GoFunctionsAreCountedWhereGoWroteTheFile) {
  Findings findings = some_findings();
  EXPECT_THAT(findings_text(findings), Not(HasSubstr("Go functions")));
  findings.rows.unwind.go.emplace();
  findings.rows.unwind.go_functions = 12;
  EXPECT_THAT(findings_text(findings), HasSubstr("  Go functions   12\n"));
}

} // namespace
} // namespace pprofd
