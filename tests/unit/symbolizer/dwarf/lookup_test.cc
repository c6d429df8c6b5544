#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "symbolizer/dwarf/lookup.h"
#include "tests/unit/symbolizer/dwarf/dwarf_assembler.h"

namespace pprofd::symbolizer::dwarf {
namespace {

using test::abbreviation;
using test::Assembly;
using test::Bytes;
using test::number;
using test::text;
using test::operator+;
using testing::ElementsAre;
using testing::IsEmpty;

const std::array kCode = {AddressRange{{0x1000}, {0x9000}}};

// The codes of the abbreviations below.
enum Code : uint8_t {
  kUnit = 1,
  kBareUnit,
  kFunction,
  kInlined,
  kAbstract,
  kBlock,
  kLeafFunction,
  kEnumeration,
  kScopeWithoutCode,
  kInlinedWithoutCode,
};

Bytes abbreviations() {
  return abbreviation(kUnit, DW_TAG_compile_unit, true,
                      {{DW_AT_low_pc, DW_FORM_addr}, {DW_AT_high_pc, DW_FORM_data4}}) +
         abbreviation(kBareUnit, DW_TAG_compile_unit, true, {}) +
         abbreviation(kFunction, DW_TAG_subprogram, true,
                      {{DW_AT_name, DW_FORM_string},
                       {DW_AT_decl_line, DW_FORM_data1},
                       {DW_AT_low_pc, DW_FORM_addr},
                       {DW_AT_high_pc, DW_FORM_data4}}) +
         abbreviation(kInlined, DW_TAG_inlined_subroutine, true,
                      {{DW_AT_abstract_origin, DW_FORM_ref4},
                       {DW_AT_low_pc, DW_FORM_addr},
                       {DW_AT_high_pc, DW_FORM_data4},
                       {DW_AT_call_line, DW_FORM_data1}}) +
         abbreviation(kAbstract, DW_TAG_subprogram, false,
                      {{DW_AT_name, DW_FORM_string}, {DW_AT_abstract_origin, DW_FORM_ref4}}) +
         abbreviation(kBlock, 0x0b, true, {}) +
         abbreviation(kLeafFunction, DW_TAG_subprogram, false,
                      {{DW_AT_abstract_origin, DW_FORM_ref4},
                       {DW_AT_low_pc, DW_FORM_addr},
                       {DW_AT_high_pc, DW_FORM_data4}}) +
         abbreviation(kEnumeration, DW_TAG_enumeration_type, true,
                      {{DW_AT_sibling, DW_FORM_ref4}}) +
         abbreviation(kScopeWithoutCode, DW_TAG_subprogram, true, {{DW_AT_name, DW_FORM_string}}) +
         abbreviation(kInlinedWithoutCode, DW_TAG_inlined_subroutine, true,
                      {{DW_AT_abstract_origin, DW_FORM_ref4}, {DW_AT_call_line, DW_FORM_data1}}) +
         Bytes{0};
}

Bytes range(uint64_t start, uint32_t size) {
  return number(start) + number(size);
}
Bytes root(uint64_t start = 0x1000, uint32_t size = 0x1000) {
  return Bytes{kUnit} + range(start, size);
}
Bytes function(std::string_view name, uint64_t start, uint32_t size, uint8_t line = 7) {
  return Bytes{kFunction} + text(name) + Bytes{line} + range(start, size);
}
Bytes inlined(uint32_t origin, uint64_t start, uint32_t size, uint8_t line) {
  return Bytes{kInlined} + number(origin) + range(start, size) + Bytes{line};
}
Bytes abstract(std::string_view name, uint32_t origin = 0) {
  return Bytes{kAbstract} + text(name) + number(origin);
}
const Bytes kEnd{0};
// Where the first entry below a unit's root stands.
constexpr uint32_t kFirst = test::kHeader4 + 13;

struct Debug {
  Assembly assembly;
  std::unique_ptr<Sections> sections = std::make_unique<Sections>();
  std::unique_ptr<DwarfLookup> lookup;
};

Debug made(const Bytes& info) {
  Debug debug;
  debug.assembly.abbrev = abbreviations();
  debug.assembly.info = info;
  *debug.sections = debug.assembly.sections();
  debug.lookup = std::make_unique<DwarfLookup>(*debug.sections, kCode);
  return debug;
}

Debug unit(const Bytes& entries) {
  return made(test::unit(4, root() + entries + kEnd));
}

// The names, and for the callers the line of the call.
std::vector<std::string> chain(const Debug& debug, uint64_t address) {
  std::vector<std::string> names;
  for (const Frame& frame : debug.lookup->find({address}))
    names.push_back(std::string(frame.name) +
                    (frame.line == 0 ? "" : ":" + std::to_string(frame.line)));
  return names;
}

TEST(Lookup, OfInlinedFunctionsGivesTheChain) {
  const Bytes names = abstract("inner") + abstract("middle");
  const auto middle = static_cast<uint32_t>(kFirst + abstract("inner").size());
  const Debug debug =
      unit(names + function("outer", 0x1100, 0x100) + inlined(middle, 0x1110, 0x20, 11) +
           Bytes{kBlock} + inlined(kFirst, 0x1118, 0x8, 22) + kEnd + kEnd + kEnd + kEnd +
           function("next", 0x1200, 0x10) + kEnd);
  EXPECT_THAT(chain(debug, 0x10ff), IsEmpty());
  EXPECT_THAT(chain(debug, 0x1100), ElementsAre("outer"));
  EXPECT_THAT(chain(debug, 0x1110), ElementsAre("middle", "outer:11"));
  EXPECT_THAT(chain(debug, 0x1118), ElementsAre("inner", "middle:22", "outer:11"));
  EXPECT_THAT(chain(debug, 0x1120), ElementsAre("middle", "outer:11"));
  EXPECT_THAT(chain(debug, 0x1130), ElementsAre("outer"));
  EXPECT_THAT(chain(debug, 0x1200), ElementsAre("next"));
  EXPECT_THAT(chain(debug, 0x1210), IsEmpty());
  EXPECT_EQ(debug.lookup->find({0x1100})[0].start_line, 7U);
}

TEST(Lookup, OfManyGivesEachItsOwn) {
  const Debug debug =
      made(test::unit(4, root(0x1000, 0x100) + function("a", 0x1000, 0x100) + kEnd + kEnd) +
           test::unit(4, root(0x2000, 0x100) + function("b", 0x2000, 0x100) + kEnd + kEnd));
  const std::vector<ElfAddress> addresses = {{0x2000}, {0x1000}, {0x3000}, {0x20ff}, {0x10ff}};
  std::vector<std::string> names(addresses.size(), "not asked");
  debug.lookup->find_all(addresses, [&](size_t index, std::span<const Frame> frames) {
    names[index] = frames.empty() ? "" : std::string(frames[0].name);
  });
  EXPECT_THAT(names, ElementsAre("b", "a", "", "b", "a"));
  EXPECT_EQ(debug.lookup->counts().units_read, 2U);
}

TEST(Lookup, OfAUnitWithoutRangesTakesItsFunctions) {
  const Debug debug =
      made(test::unit(4, Bytes{kBareUnit} + function("bare", 0x1100, 0x10) + kEnd + kEnd) +
           test::unit(4, root(0x1000, 0x80) + function("known", 0x1000, 0x80) + kEnd + kEnd));
  EXPECT_THAT(chain(debug, 0x1000), ElementsAre("known"));
  EXPECT_EQ(debug.lookup->counts().entries, 1U);
  EXPECT_THAT(chain(debug, 0x1100), ElementsAre("bare"));
  EXPECT_THAT(chain(debug, 0x1110), IsEmpty());
}

// GCC's version 2 states the first section's range, whatever functions there are in others.
TEST(Lookup, OfVersion2FindsFunctionsOutsideTheUnitsRange) {
  const Bytes entries = root(0x1000, 0x10) + function("inside", 0x1000, 0x10) + kEnd +
                        function("outside", 0x2000, 0x10) + kEnd + kEnd;
  const Debug debug = made(test::unit(2, entries));
  EXPECT_THAT(chain(debug, 0x1000), ElementsAre("inside"));
  EXPECT_THAT(chain(debug, 0x2000), ElementsAre("outside"));
  EXPECT_THAT(chain(made(test::unit(4, entries)), 0x2000), IsEmpty());
}

TEST(Lookup, LeavesOutCodeThatTheLinkerTookOut) {
  Bytes functions = function("alive", 0x1100, 0x100) + kEnd;
  for (const uint64_t dead : {uint64_t{0}, uint64_t{1}, UINT64_MAX, UINT64_MAX - 1})
    functions = functions + function("dead", dead, 0x2000) + kEnd;
  const Debug debug = unit(functions);
  EXPECT_THAT(chain(debug, 0x1100), ElementsAre("alive"));
  EXPECT_THAT(chain(debug, 0x1050), IsEmpty());
}

TEST(Lookup, OfCircularOriginsEnds) {
  const auto second = static_cast<uint32_t>(kFirst + Bytes{kLeafFunction, 0, 0, 0, 0}.size() + 12);
  const Debug self = unit(Bytes{kLeafFunction} + number(kFirst) + range(0x1000, 0x10));
  EXPECT_THAT(chain(self, 0x1000), ElementsAre(""));
  const Debug pair = unit(Bytes{kLeafFunction} + number(second) + range(0x1000, 0x10) +
                          Bytes{kLeafFunction} + number(kFirst) + range(0x1010, 0x10));
  EXPECT_THAT(chain(pair, 0x1000), ElementsAre(""));
  EXPECT_THAT(chain(pair, 0x1010), ElementsAre(""));
}

TEST(Lookup, OfOriginsOutsideTheUnitHasNoName) {
  for (const uint32_t origin : {0U, 3U, 0x7fffffffU, UINT32_MAX}) {
    const Debug debug = unit(Bytes{kLeafFunction} + number(origin) + range(0x1000, 0x10));
    EXPECT_THAT(chain(debug, 0x1000), ElementsAre("")) << origin;
  }
}

TEST(Lookup, OfNestsWithoutAnEndIsBounded) {
  constexpr size_t kDepth = 100'000;
  Bytes nest = abstract("a") + function("outer", 0x1000, 0x800);
  const Bytes one = inlined(kFirst, 0x1000, 0x100, 3);
  nest.reserve(nest.size() + kDepth * one.size());
  for (size_t i = 0; i < kDepth; ++i)
    nest.insert(nest.end(), one.begin(), one.end());
  const Debug debug = unit(nest);
  EXPECT_LE(debug.lookup->find({0x1000}).size(), DwarfLookup::kMaxFrames);
  Bytes blocks = function("outer", 0x1000, 0x800);
  blocks.insert(blocks.end(), 1'000'000, kBlock);
  EXPECT_THAT(chain(unit(blocks), 0x1000), ElementsAre("outer"));
}

// The one that began last; of two that begin at one place the later entry.
TEST(Lookup, OfOverlappingFunctionsTakesTheLatest) {
  const Debug debug =
      unit(function("first", 0x1000, 0x20) + kEnd + function("second", 0x1010, 0x20) + kEnd +
           function("third", 0x1010, 0x8) + kEnd);
  EXPECT_THAT(chain(debug, 0x100f), ElementsAre("first"));
  EXPECT_THAT(chain(debug, 0x1010), ElementsAre("third"));
  EXPECT_THAT(chain(debug, 0x1018), ElementsAre("second"));
  EXPECT_THAT(chain(debug, 0x102f), ElementsAre("second"));
  EXPECT_THAT(chain(debug, 0x1030), IsEmpty());
}

TEST(Lookup, GoesOverTypesByTheirSiblingsButNeverBack) {
  const Bytes behind = function("behind", 0x1000, 0x10) + kEnd;
  // What stands below the type is no entry at all.
  const Bytes nonsense(40, 0xff);
  const auto sibling = static_cast<uint32_t>(kFirst + 5 + nonsense.size());
  EXPECT_THAT(chain(unit(Bytes{kEnumeration} + number(sibling) + nonsense + behind), 0x1000),
              ElementsAre("behind"));
  for (const uint32_t wrong : {0U, kFirst, kFirst + 5, 0x7fffffffU, UINT32_MAX})
    EXPECT_THAT(chain(unit(Bytes{kEnumeration} + number(wrong) + kEnd + behind), 0x1000),
                ElementsAre("behind"))
        << wrong;
}

TEST(Lookup, NamesFunctionsWithoutCodeThatOthersAreInlinedInto) {
  const Bytes names = abstract("leaf") + abstract("via");
  const auto via = static_cast<uint32_t>(kFirst + abstract("leaf").size());
  const Debug debug =
      unit(names + Bytes{kScopeWithoutCode} + text("shell") + Bytes{kInlinedWithoutCode} +
           number(via) + Bytes{5} + inlined(kFirst, 0x1000, 0x10, 9) + kEnd + kEnd + kEnd);
  EXPECT_THAT(chain(debug, 0x1000), ElementsAre("leaf", "via:9", "shell:5"));
}

TEST(Lookup, OfInformationCutShortAnywhereHasFramesOrNone) {
  const Bytes names = abstract("inner");
  const Bytes whole = test::unit(4, root() + names + function("outer", 0x1100, 0x100) +
                                        inlined(kFirst, 0x1110, 0x20, 11) + kEnd + kEnd + kEnd);
  const Bytes abbrev = abbreviations();
  const auto check = [](const Bytes& info, const Bytes& abbreviations) {
    // Memory of that size, so that a read beyond it is seen by the address sanitizer.
    const auto a = std::make_unique<uint8_t[]>(info.size());
    const auto b = std::make_unique<uint8_t[]>(abbreviations.size());
    std::ranges::copy(info, a.get());
    std::ranges::copy(abbreviations, b.get());
    Sections sections;
    sections.info = std::as_bytes(std::span(a.get(), info.size()));
    sections.abbrev = std::as_bytes(std::span(b.get(), abbreviations.size()));
    DwarfLookup lookup(sections, kCode);
    EXPECT_LE(lookup.find({0x1118}).size(), 2U);
  };
  for (size_t size = 0; size <= whole.size(); ++size) {
    Bytes part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    check(part, abbrev);
    // The same with a length that fits.
    if (size >= 4) {
      const Bytes length = number(static_cast<uint32_t>(size - 4));
      std::ranges::copy(length, part.begin());
      check(part, abbrev);
    }
  }
  for (size_t size = 0; size <= abbrev.size(); ++size)
    check(whole, Bytes(abbrev.begin(), abbrev.begin() + static_cast<ptrdiff_t>(size)));
}

} // namespace
} // namespace pprofd::symbolizer::dwarf
