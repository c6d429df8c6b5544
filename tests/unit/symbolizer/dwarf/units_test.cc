#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "symbolizer/dwarf/units/abbreviation.h"
#include "symbolizer/dwarf/units/address_index.h"
#include "symbolizer/dwarf/units/ranges.h"
#include "symbolizer/dwarf/units/unit.h"
#include "tests/unit/symbolizer/dwarf/dwarf_assembler.h"

namespace pprofd::symbolizer::dwarf {
namespace {

using test::abbreviation;
using test::Assembly;
using test::Bytes;
using test::number;
using test::text;
using test::uleb;
using test::view;
using test::with_length;
using test::operator+;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

constexpr UnitFormat kFormat4{.version = 4};
constexpr UnitFormat kFormat5{.version = 5};

TEST(UnitHeaders, OfEveryVersionAndWidthAreRead) {
  Bytes info;
  for (const auto version : std::array<uint16_t, 4>{2, 3, 4, 5})
    info = info + test::unit(version, Bytes{1, 2, 3});
  info = info + with_length(number<uint16_t>(4) + number<uint64_t>(7) + Bytes{8, 1}, true);
  info = info + with_length(number<uint16_t>(5) + Bytes{DW_UT_skeleton, 8} + number<uint32_t>(0) +
                            number<uint64_t>(0xabcd));
  const auto units = read_unit_headers(view(info));
  ASSERT_EQ(units.size(), 6U);
  EXPECT_EQ(units[0].first_entry, test::kHeader4);
  EXPECT_EQ(units[3].first_entry, test::kHeader5);
  EXPECT_EQ(units[4].format.offset_size, 8);
  EXPECT_EQ(units[4].abbreviations, 7U);
  EXPECT_EQ(units[5].split_id, 0xabcdU);
  EXPECT_EQ(units[5].end, info.size());
  EXPECT_EQ(unit_at(units, units[2].offset + 3), &units[2]);
  EXPECT_EQ(unit_at(units, info.size()), nullptr);
}

TEST(UnitHeaders, ThatAreUnknownAreSteppedOverAndMalformedOnesEndTheList) {
  const Bytes good = test::unit(4, {0});
  EXPECT_EQ(read_unit_headers(view(test::unit(9, {0}) + good)).size(), 1U);
  EXPECT_EQ(read_unit_headers(view(with_length({}) + good)).size(), 1U);
  EXPECT_EQ(read_unit_headers(view(number<uint32_t>(0xfffffff1) + good)).size(), 0U);
  EXPECT_EQ(read_unit_headers(view(good + number<uint32_t>(1000))).size(), 1U);
  Bytes odd = test::unit(4, {0});
  odd[10] = 3; // address size
  EXPECT_EQ(read_unit_headers(view(odd + good)).size(), 1U);
}

TEST(Forms, UnknownOnesFailTheCursor) {
  const Bytes bytes(32, 1);
  for (const uint16_t form : {uint16_t{0}, uint16_t{0x02}, uint16_t{0x99}, uint16_t{0xffff}}) {
    Cursor cursor(view(bytes));
    read_form(cursor, form, kFormat5);
    EXPECT_TRUE(cursor.failed()) << form;
  }
}

TEST(Forms, IndirectOnesAreReadOnce) {
  const Bytes bytes = uleb(DW_FORM_data2) + number<uint16_t>(0x1234);
  Cursor cursor(view(bytes));
  const FormValue value = read_form(cursor, DW_FORM_indirect, kFormat4);
  EXPECT_EQ(value.form, DW_FORM_data2);
  EXPECT_EQ(value.raw, 0x1234U);
  for (const uint16_t inner : {DW_FORM_indirect, DW_FORM_implicit_const}) {
    const Bytes twice = uleb(inner) + Bytes(8, 1);
    Cursor again(view(twice));
    read_form(again, DW_FORM_indirect, kFormat4);
    EXPECT_TRUE(again.failed());
  }
}

TEST(Forms, BlocksBeyondTheirUnitFail) {
  for (const uint16_t form : {DW_FORM_block, DW_FORM_block1, DW_FORM_block2, DW_FORM_block4}) {
    const Bytes bytes{0xff, 0x7f, 0, 0, 0};
    Cursor cursor(view(bytes));
    read_form(cursor, form, kFormat4);
    EXPECT_TRUE(cursor.failed()) << form;
  }
}

TEST(Abbreviations, AreFoundByAnyCode) {
  const Bytes section = abbreviation(5, DW_TAG_subprogram, true, {{DW_AT_low_pc, DW_FORM_addr}}) +
                        abbreviation(6, 0x34, false, {}) +
                        abbreviation(uint64_t{1} << 40, DW_TAG_compile_unit, true, {}) +
                        abbreviation(1, 0x35, false, {}) + Bytes{0};
  const auto table = AbbreviationTable::read(view(section), 0, kFormat4);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find(5).tag, DW_TAG_subprogram);
  EXPECT_EQ(table->find(5).role, Role::kCode);
  EXPECT_EQ(table->find(6).tag, 0x34);
  EXPECT_EQ(table->find(uint64_t{1} << 40).tag, DW_TAG_compile_unit);
  EXPECT_EQ(table->find(1).tag, 0x35);
  for (const uint64_t missing : {uint64_t{0}, uint64_t{2}, uint64_t{7}, UINT64_MAX})
    EXPECT_EQ(table->find(missing).role, Role::kMissing);
}

TEST(Abbreviations, OfFixedFormsHaveASizeAndOthersAreReadInSteps) {
  const Bytes section =
      abbreviation(
          1, 0x34, false,
          {{DW_AT_name, DW_FORM_strp}, {DW_AT_decl_line, DW_FORM_data2}, {0x49, DW_FORM_ref4}}) +
      abbreviation(2, 0x34, false, {{DW_AT_name, DW_FORM_string}, {0x2, DW_FORM_exprloc}}) +
      abbreviation(3, DW_TAG_subprogram, true,
                   {{DW_AT_name, DW_FORM_string}, {DW_AT_decl_line, DW_FORM_data2}}) +
      Bytes{0};
  const auto table = AbbreviationTable::read(view(section), 0, kFormat4);
  EXPECT_EQ(table->find(1).size, 10U);
  EXPECT_EQ(table->find(2).size, Abbreviation::kVariable);
  const Bytes entry = text("name") + Bytes{2, 9, 9};
  Cursor cursor(view(entry));
  Attributes attributes;
  table->read_entry(cursor, table->find(2), kFormat4, attributes);
  EXPECT_TRUE(cursor.at_end() && !cursor.failed());
  const Bytes function = text("f") + number<uint16_t>(77);
  Cursor second(view(function));
  table->read_entry(second, table->find(3), kFormat4, attributes);
  EXPECT_EQ(attributes.number(Slot::kDeclLine), 77U);
  EXPECT_EQ(attributes.find(Slot::kName)->raw, 0U);
}

TEST(Abbreviations, HaveConstantsOfTheirOwn) {
  const Bytes section = Bytes{1,
                              DW_TAG_inlined_subroutine,
                              0,
                              DW_AT_call_file,
                              DW_FORM_implicit_const,
                              5,
                              DW_AT_call_line,
                              DW_FORM_data1,
                              0,
                              0,
                              0};
  const auto table = AbbreviationTable::read(view(section), 0, kFormat5);
  ASSERT_TRUE(table);
  const Bytes entry{9};
  Cursor cursor(view(entry));
  Attributes attributes;
  table->read_entry(cursor, table->find(1), kFormat5, attributes);
  EXPECT_EQ(attributes.number(Slot::kCallFile), 5U);
  EXPECT_EQ(attributes.number(Slot::kCallLine), 9U);
}

TEST(Abbreviations, TruncatedAnywhereAreRefusedOrShort) {
  const Bytes section = abbreviation(1, DW_TAG_compile_unit, true, {{DW_AT_name, DW_FORM_strp}}) +
                        abbreviation(2, 0x34, false, {{DW_AT_name, 300}}) + Bytes{0};
  for (size_t size = 0; size < section.size(); ++size) {
    const Bytes part(section.begin(), section.begin() + static_cast<ptrdiff_t>(size));
    const auto table = AbbreviationTable::read(view(part), 0, kFormat4);
    if (table) {
      EXPECT_EQ(table->find(2).role, size + 1 == section.size() ? Role::kPlain : Role::kMissing);
    }
  }
  EXPECT_FALSE(AbbreviationTable::read(view(section), section.size(), kFormat4));
}

// A unit whose only entry has these attributes.
struct RootOnly {
  Assembly assembly;
  Sections sections;
  Unit unit;
};

void finish(RootOnly& made, uint16_t version, const test::AttributeForms& forms,
            const Bytes& values) {
  made.assembly.abbrev = abbreviation(1, DW_TAG_compile_unit, false, forms) + Bytes{0};
  made.assembly.info = test::unit(version, Bytes{1} + values);
  made.sections = made.assembly.sections();
  const auto headers = read_unit_headers(made.sections.info);
  ASSERT_EQ(headers.size(), 1U);
  made.unit = read_unit_root(made.sections, headers[0]);
}

Ranges ranges_of(const RootOnly& made) {
  Ranges found;
  visit_ranges(made.unit, made.unit.root, [&](uint64_t start, uint64_t end) {
    found.emplace_back(start, end);
    return true;
  });
  return found;
}

TEST(UnitRanges, OfLowAndHighTakeAnAddressOrASize) {
  RootOnly made;
  finish(made, 4, {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_data4}},
         number<uint64_t>(0x1000) + number<uint32_t>(0x20));
  EXPECT_THAT(ranges_of(made), ElementsAre(Pair(0x1000, 0x1020)));
  finish(made, 2, {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_addr}},
         number<uint64_t>(0x1000) + number<uint64_t>(0x1040));
  EXPECT_THAT(ranges_of(made), ElementsAre(Pair(0x1000, 0x1040)));
  for (const uint64_t tombstone : {UINT64_MAX, UINT64_MAX - 1}) {
    finish(made, 4, {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_data4}},
           number(tombstone) + number<uint32_t>(0x20));
    EXPECT_THAT(ranges_of(made), IsEmpty());
  }
}

TEST(UnitRanges, OfVersion4HaveABaseThatTheListMayChange) {
  RootOnly made;
  made.assembly.ranges = Bytes(4, 0xee) + number<uint64_t>(0x10) + number<uint64_t>(0x20) +
                         number<uint64_t>(0x30) + number<uint64_t>(0x30) + // empty
                         number(UINT64_MAX) + number<uint64_t>(0x8000) + number<uint64_t>(0) +
                         number<uint64_t>(0x8) + number(UINT64_MAX) + number(UINT64_MAX) +
                         number<uint64_t>(0) + number<uint64_t>(0x8) + // dead
                         number<uint64_t>(0) + number<uint64_t>(0);
  finish(made, 4, {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_ranges, DW_FORM_sec_offset}},
         number<uint64_t>(0x1000) + number<uint32_t>(4));
  EXPECT_THAT(ranges_of(made), ElementsAre(Pair(0x1010, 0x1020), Pair(0x8000, 0x8008)));
}

TEST(UnitRanges, OfVersion5HaveEveryKindOfEntry) {
  RootOnly made;
  made.assembly.addr = Bytes(8, 0) + number<uint64_t>(0x5000) + number<uint64_t>(0x5100);
  const Bytes list = Bytes{DW_RLE_offset_pair, 0x10, 0x20} + Bytes{DW_RLE_base_addressx, 0} +
                     Bytes{DW_RLE_offset_pair, 1, 2} + Bytes{DW_RLE_startx_endx, 0, 1} +
                     Bytes{DW_RLE_startx_length, 1, 4} + Bytes{DW_RLE_base_address} +
                     number<uint64_t>(0x9000) + Bytes{DW_RLE_offset_pair, 3, 4} +
                     Bytes{DW_RLE_start_end} + number<uint64_t>(0x100) + number<uint64_t>(0x110) +
                     Bytes{DW_RLE_start_length} + number<uint64_t>(0x200) + Bytes{1} +
                     Bytes{DW_RLE_base_address} + number(UINT64_MAX) +
                     Bytes{DW_RLE_offset_pair, 5, 6} + Bytes{DW_RLE_end_of_list};
  // Two lists behind a header of 12 bytes: nothing, and this.
  made.assembly.rnglists =
      Bytes(12, 0) + number<uint32_t>(8) + number<uint32_t>(9) + Bytes{DW_RLE_end_of_list} + list;
  finish(made, 5,
         {{DW_AT_ranges, DW_FORM_rnglistx},
          {DW_AT_low_pc, DW_FORM_addr},
          {DW_AT_addr_base, DW_FORM_sec_offset},
          {DW_AT_rnglists_base, DW_FORM_sec_offset}},
         uleb(1) + number<uint64_t>(0x1000) + number<uint32_t>(8) + number<uint32_t>(12));
  EXPECT_THAT(ranges_of(made),
              ElementsAre(Pair(0x1010, 0x1020), Pair(0x5001, 0x5002), Pair(0x5000, 0x5100),
                          Pair(0x5100, 0x5104), Pair(0x9003, 0x9004), Pair(0x100, 0x110),
                          Pair(0x200, 0x201)));
  // The same list, by its offset, and cut short anywhere.
  for (size_t size = made.assembly.rnglists.size(); size > 21; --size) {
    made.assembly.rnglists.resize(size);
    finish(made, 5, {{DW_AT_ranges, DW_FORM_sec_offset}, {DW_AT_addr_base, DW_FORM_sec_offset}},
           number<uint32_t>(21) + number<uint32_t>(8));
    EXPECT_LE(ranges_of(made).size(), 7U);
  }
}

TEST(UnitTexts, ByIndexNeedTheirBase) {
  RootOnly made;
  made.assembly.str = text("zero") + text("one");
  made.assembly.str_offsets = Bytes(8, 0) + number<uint32_t>(0) + number<uint32_t>(5);
  finish(made, 5, {{DW_AT_name, DW_FORM_strx1}, {DW_AT_str_offsets_base, DW_FORM_sec_offset}},
         Bytes{1} + number<uint32_t>(8));
  EXPECT_EQ(made.unit.text_of(Slot::kName), "one");
  finish(made, 5, {{DW_AT_name, DW_FORM_strx1}, {DW_AT_str_offsets_base, DW_FORM_sec_offset}},
         Bytes{200} + number<uint32_t>(8));
  EXPECT_EQ(made.unit.text_of(Slot::kName), "");
  finish(made, 5, {{DW_AT_name, DW_FORM_strx1}}, Bytes{1});
  EXPECT_EQ(made.unit.text_of(Slot::kName), "");
}

AddressIndex index_of(const std::vector<std::array<uint64_t, 3>>& ranges) {
  AddressIndex index;
  for (const auto& [start, end, unit] : ranges)
    index.add(start, end, static_cast<uint32_t>(unit));
  index.finish();
  return index;
}

TEST(AddressIndex, FindsTheUnitAndNothingBetween) {
  const auto index = index_of({{20, 30, 1}, {10, 15, 2}, {15, 18, 2}});
  EXPECT_EQ(index.find(9), AddressIndex::kNone);
  EXPECT_EQ(index.find(10), 2U);
  EXPECT_EQ(index.find(17), 2U);
  EXPECT_EQ(index.find(18), AddressIndex::kNone);
  EXPECT_EQ(index.find(29), 1U);
  EXPECT_EQ(index.find(30), AddressIndex::kNone);
}

// As LLVM has it: a range that has begun goes on, then the first unit in the file follows.
TEST(AddressIndex, OfOverlappingUnitsKeepsWhatHasBegun) {
  const auto index = index_of({{0x10, 0x40, 5}, {0x20, 0x60, 3}, {0x30, 0x50, 1}, {0x10, 0x18, 7}});
  EXPECT_EQ(index.find(0x10), 5U);
  EXPECT_EQ(index.find(0x3f), 5U);
  EXPECT_EQ(index.find(0x40), 1U);
  EXPECT_EQ(index.find(0x50), 3U);
  EXPECT_EQ(index.find(0x60), AddressIndex::kNone);
}

} // namespace
} // namespace pprofd::symbolizer::dwarf
