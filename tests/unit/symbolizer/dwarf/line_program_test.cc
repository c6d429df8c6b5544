#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "symbolizer/dwarf/lines/program.h"
#include "symbolizer/dwarf/lines/table.h"
#include "tests/unit/symbolizer/dwarf/dwarf_assembler.h"

namespace pprofd::symbolizer::dwarf {
namespace {

using test::Assembly;
using test::Bytes;
using test::LineAssembly;
using test::number;
using test::text;
using test::uleb;
using test::operator+;
using testing::ElementsAre;
using testing::IsEmpty;
namespace lns = test::lns;

constexpr uint64_t kStart = 0x1000;
const std::array kCode = {AddressRange{{kStart}, {0x100'0000}}};

struct Read {
  std::unique_ptr<Assembly> assembly; // texts are views of it
  Result<LineProgram> program;
  std::vector<std::string> rows; // "address file:line:column", "end" for the end of a sequence
};

std::string row_text(const LineRow& row) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%lx %s", row.address,
                row.end_sequence ? "end"
                                 : (std::to_string(row.file) + ":" + std::to_string(row.line) +
                                    ":" + std::to_string(row.column))
                                       .c_str());
  return text.data();
}

Read read(const LineAssembly& lines, const Assembly& others = {}) {
  auto assembly = std::make_unique<Assembly>(others);
  assembly->line = lines.bytes();
  auto program = LineProgram::read(assembly->sections(), 0, 8);
  Read result{std::move(assembly), std::move(program), {}};
  if (result.program)
    result.program->visit([&](const LineRow& row) {
      result.rows.push_back(row_text(row));
      return result.rows.size() < 1000;
    });
  return result;
}

class EveryVersion : public testing::TestWithParam<int> {
protected:
  [[nodiscard]] LineAssembly lines() const {
    LineAssembly lines;
    lines.version = static_cast<uint16_t>(GetParam());
    if (lines.version >= 5)
      lines.lists = Bytes{0, 0, 0, 0};
    else
      lines.lists = Bytes{0, 0};
    return lines;
  }
};
INSTANTIATE_TEST_SUITE_P(Lines, EveryVersion, testing::Values(2, 3, 4, 5));

TEST_P(EveryVersion, RowsAreTheStandardsExample) {
  LineAssembly example = lines();
  // A special opcode adds (opcode - 13) / 14 to the address and -5 + (opcode - 13) % 14 to the
  // line.
  example.program = lns::set_address(kStart) + lns::set_column(3) + lns::copy() +
                    Bytes{13 + 2 * 14 + 7} + lns::set_file(2) + lns::advance_line(-1) +
                    Bytes{DW_LNS_const_add_pc} + lns::copy() + Bytes{DW_LNS_fixed_advance_pc} +
                    number<uint16_t>(0x20) + lns::end_sequence();
  EXPECT_THAT(read(example).rows,
              ElementsAre("1000 1:1:3", "1002 1:3:3", "1013 2:2:3", "1033 end"));
}

TEST_P(EveryVersion, IsReadInWideUnits) {
  LineAssembly wide = lines();
  wide.dwarf64 = true;
  wide.program = lns::set_address(kStart) + lns::copy() + lns::advance_pc(4) + lns::end_sequence();
  EXPECT_THAT(read(wide).rows, ElementsAre("1000 1:1:0", "1004 end"));
}

TEST_P(EveryVersion, UnknownOpcodesAreSkippedByTheirOperands) {
  LineAssembly odd = lines();
  odd.operands.push_back(3); // opcode 13
  odd.program = lns::set_address(kStart) + Bytes{13, 1, 0x80, 1, 2} +
                lns::extended(0x80, {1, 2, 3}) + lns::extended(DW_LNE_set_discriminator, uleb(5)) +
                lns::copy();
  EXPECT_THAT(read(odd).rows, ElementsAre("1000 1:1:0"));
}

TEST_P(EveryVersion, TruncatedAnywhereGivesThePrefixOfTheRows) {
  LineAssembly whole = lines();
  whole.program = lns::set_address(kStart) + lns::copy() + lns::advance_pc(300) +
                  lns::advance_line(77) + lns::copy() + lns::advance_pc(4) + lns::end_sequence();
  const auto expected = read(whole).rows;
  ASSERT_EQ(expected.size(), 3U);
  const Bytes bytes = whole.bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    // Memory of that size, so that a read beyond it is seen by the address sanitizer.
    const auto copy = std::make_unique<uint8_t[]>(size);
    std::copy_n(bytes.begin(), size, copy.get());
    Sections sections;
    sections.line = std::as_bytes(std::span(copy.get(), size));
    auto program = LineProgram::read(sections, 0, 8);
    std::vector<std::string> rows;
    if (program)
      program->visit([&](const LineRow& row) {
        rows.push_back(row_text(row));
        return true;
      });
    ASSERT_LE(rows.size(), expected.size());
    EXPECT_TRUE(std::equal(rows.begin(), rows.end(), expected.begin())) << size;
  }
}

TEST(LineProgram, OfManyOperationsAnInstructionKeepsTheRest) {
  LineAssembly vliw;
  vliw.lists = Bytes{0, 0};
  vliw.instruction_length = 16;
  vliw.max_operations = 3;
  vliw.program = lns::set_address(kStart) + lns::advance_pc(2) + lns::copy() + lns::advance_pc(2) +
                 lns::copy() + lns::advance_pc(2) + lns::copy();
  EXPECT_THAT(read(vliw).rows, ElementsAre("1000 1:1:0", "1010 1:1:0", "1020 1:1:0"));
}

TEST(LineProgram, StateStartsAnewAfterASequence) {
  LineAssembly two;
  two.lists = Bytes{0, 0};
  two.program = lns::set_address(kStart) + lns::set_file(9) + lns::set_column(8) +
                lns::advance_line(5) + lns::copy() + lns::end_sequence() +
                lns::set_address(0x2000) + lns::copy();
  EXPECT_THAT(read(two).rows, ElementsAre("1000 9:6:8", "1000 end", "2000 1:1:0"));
}

TEST(LineProgram, DivisorOfZeroIsNoCrash) {
  LineAssembly zero;
  zero.lists = Bytes{0, 0};
  zero.line_range = 0;
  zero.max_operations = 0;
  zero.program = Bytes{200, DW_LNS_const_add_pc} + lns::copy();
  EXPECT_EQ(read(zero).rows.size(), 2U);
}

TEST(LineProgram, OfAnUnknownVersionIsRefused) {
  LineAssembly future;
  future.version = 6;
  const Read result = read(future);
  ASSERT_FALSE(result.program);
  EXPECT_EQ(result.program.error().why, "a line program has version 6");
}

Bytes old_lists() {
  return text("inc") + text("/abs") + Bytes{0} + text("a.c") + uleb(0) + Bytes{0, 0} + text("b.h") +
         uleb(1) + Bytes{0, 0} + text("c.h") + uleb(2) + Bytes{0, 0} + text("/d.h") + uleb(1) +
         Bytes{0, 0} + text("e.h") + uleb(77) + Bytes{0, 0} + Bytes{0};
}

// As llvm-symbolizer joins them: folders count from 1, files too.
TEST(FileNames, OfVersion4AreJoinedWithTheirFolders) {
  LineAssembly lines;
  lines.lists = old_lists();
  const Read result = read(lines);
  ASSERT_TRUE(result.program);
  const FileTable& files = result.program->files();
  EXPECT_EQ(files.path(1, "/home/x"), "/home/x/a.c");
  EXPECT_EQ(files.path(2, "/home/x"), "/home/x/inc/b.h");
  EXPECT_EQ(files.path(3, "/home/x"), "/abs/c.h");
  EXPECT_EQ(files.path(4, "/home/x"), "/d.h");
  EXPECT_EQ(files.path(5, "/home/x"), "/home/x/e.h");
  EXPECT_EQ(files.path(1, ""), "a.c");
  EXPECT_EQ(files.path(1, "/"), "/a.c");
  EXPECT_EQ(files.path(0, "/home/x"), "");
  EXPECT_EQ(files.path(6, "/home/x"), "");
}

TEST(FileNames, ThatTheProgramDefinesCountToo) {
  LineAssembly lines;
  lines.lists = old_lists();
  lines.program = lns::extended(DW_LNE_define_file, text("late.h") + uleb(1) + Bytes{0, 0});
  const Read result = read(lines);
  EXPECT_EQ(result.program->files().path(6, "/home/x"), "/home/x/inc/late.h");
}

// Version 5 states the compilation's folder as number 0 and files count from 0.
TEST(FileNames, OfVersion5MayHaveSumsAndTextsOfAnySection) {
  LineAssembly lines;
  lines.version = 5;
  lines.lists = Bytes{1} + uleb(DW_LNCT_path) + uleb(DW_FORM_line_strp) + uleb(2) +
                number<uint32_t>(0) + number<uint32_t>(6);
  lines.lists = lines.lists + Bytes{3} + uleb(DW_LNCT_path) + uleb(DW_FORM_string) +
                uleb(DW_LNCT_directory_index) + uleb(DW_FORM_udata) + uleb(5) +
                uleb(DW_FORM_data16) + uleb(2) + text("a.c") + uleb(0) + Bytes(16, 1) +
                text("b.h") + uleb(1) + Bytes(16, 2);
  lines.program = lns::set_address(kStart) + lns::copy();
  Assembly assembly;
  assembly.line_str = text("/home") + text("sub");
  const Read result = read(lines, assembly);
  ASSERT_TRUE(result.program);
  EXPECT_EQ(result.program->files().path(0, "/other"), "/home/a.c");
  EXPECT_EQ(result.program->files().path(1, "/other"), "/other/sub/b.h");
  EXPECT_EQ(result.program->files().path(2, "/other"), "");
  EXPECT_THAT(result.rows, ElementsAre("1000 1:1:0"));
}

TEST(FileNames, EntriesWithoutBytesDoNotFillTheMemory) {
  LineAssembly lines;
  lines.version = 5;
  // No fields, then 2^62 entries.
  lines.lists = Bytes{0} + uleb(uint64_t{1} << 62) + Bytes{0} + uleb(uint64_t{1} << 62);
  const Read result = read(lines);
  ASSERT_TRUE(result.program);
  EXPECT_LE(result.program->files().memory(), 64U << 20);
}

LineTable table(LineAssembly lines) {
  lines.lists = Bytes{0, 0};
  Assembly assembly;
  assembly.line = lines.bytes();
  auto program = LineProgram::read(assembly.sections(), 0, 8);
  CodeMap code(kCode);
  std::vector<LineTable::Row> scratch;
  return {*program, code, scratch};
}

uint32_t line_at(const LineTable& table, uint64_t address) {
  const LineTable::Row* const row = table.find(address);
  return row == nullptr ? 0 : row->line;
}

TEST(LineTable, TakesTheLastRowAtOrBeforeTheAddress) {
  LineAssembly lines;
  lines.program = lns::set_address(kStart) + lns::copy() + lns::advance_line(1) + lns::copy() +
                  lns::advance_pc(4) + lns::advance_line(1) + lns::copy() + lns::advance_pc(4) +
                  lns::end_sequence();
  const LineTable made = table(lines);
  EXPECT_EQ(line_at(made, kStart - 1), 0U);
  EXPECT_EQ(line_at(made, kStart), 2U);
  EXPECT_EQ(line_at(made, kStart + 3), 2U);
  EXPECT_EQ(line_at(made, kStart + 4), 3U);
  EXPECT_EQ(line_at(made, kStart + 7), 3U);
  EXPECT_EQ(line_at(made, kStart + 8), 0U);
}

TEST(LineTable, KeepsNothingOfSequencesOutsideCodeOrWithoutAnEnd) {
  LineAssembly lines;
  for (const uint64_t dead : {uint64_t{0}, UINT64_MAX, UINT64_MAX - 1})
    lines.program = lines.program + lns::set_address(dead) + lns::copy() + lns::advance_pc(0x2000) +
                    lns::advance_line(1) + lns::copy() + lns::advance_pc(4) + lns::end_sequence();
  lines.program = lines.program + lns::set_address(kStart) + lns::copy();
  const LineTable made = table(lines);
  EXPECT_THAT(made.sequences(), IsEmpty());
  EXPECT_EQ(line_at(made, kStart), 0U);
}

TEST(LineTable, OfSequencesInAnyOrderFindsEach) {
  LineAssembly lines;
  for (const uint64_t start : {0x3000U, 0x1000U, 0x2000U})
    lines.program = lines.program + lns::set_address(start) +
                    lns::advance_line(static_cast<int64_t>(start >> 12)) + lns::copy() +
                    lns::advance_pc(16) + lns::end_sequence();
  const LineTable made = table(lines);
  for (const uint64_t start : {0x1000U, 0x2000U, 0x3000U}) {
    EXPECT_EQ(line_at(made, start + 15), 1 + (start >> 12));
    EXPECT_EQ(line_at(made, start + 16), 0U);
  }
}

// Each byte of the program is a row: one can state as many as it has bytes, however long it runs.
TEST(LineTable, IsBounded) {
  LineAssembly lines;
  lines.program = lns::set_address(kStart) + Bytes((4 << 20), 13 + 14 + 6) + lns::end_sequence();
  const LineTable made = table(lines);
  EXPECT_TRUE(made.full());
  EXPECT_EQ(line_at(made, kStart + 1), 2U);
  EXPECT_LE(made.memory(), LineTable::kMaxRows * sizeof(LineTable::Row) + 4096);
}

TEST(LineTable, RowsThatSayTheSameAreOne) {
  LineAssembly lines;
  lines.program = lns::set_address(kStart);
  for (int i = 0; i < 100; ++i)
    lines.program = lines.program + lns::copy() + lns::advance_pc(1);
  lines.program = lines.program + lns::end_sequence();
  const LineTable made = table(lines);
  EXPECT_EQ(made.rows().size(), 1U);
  EXPECT_EQ(line_at(made, kStart + 99), 1U);
}

} // namespace
} // namespace pprofd::symbolizer::dwarf
