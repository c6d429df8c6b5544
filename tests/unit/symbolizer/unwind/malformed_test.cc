// One malformed FDE costs that FDE: each test puts a good function before and behind a bad one, and
// both must keep their rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::test {
namespace {

using namespace cfa;

constexpr uint64_t kBefore = Elf::kText;
constexpr uint64_t kBad = Elf::kText + 0x100;
constexpr uint64_t kBehind = Elf::kText + 0x200;

const std::string kGoodRows = at(kBefore, "rsp+8 u c-8") + at(kBad, "none") +
                              at(kBehind, "rsp+8 u c-8") + at(kBehind + 0x100, "none");

void expect_costs_one(const Compiled& compiled, FdeFault fault) {
  EXPECT_EQ(compiled.text, kGoodRows);
  EXPECT_EQ(compiled.facts.malformed_total(), 1U);
  EXPECT_EQ(compiled.facts.malformed.at(static_cast<size_t>(fault)), 1U);
  EXPECT_EQ(compiled.facts.fdes, 2U);
}

// The bad function has these instructions, of this CIE.
Compiled with_bad_function(const Bytes& instructions, const Cie& bad_cie = {}) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t other = frame.cie(bad_cie);
  frame.fde(cie, kBefore, 0x100, {});
  frame.fde(other, kBad, 0x100, instructions);
  frame.fde(cie, kBehind, 0x100, {});
  return compile(frame);
}

// The bad function's FDE is these bytes.
Compiled with_bad_bytes(const Bytes& record) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kBefore, 0x100, {});
  frame.raw(record);
  frame.fde(cie, kBehind, 0x100, {});
  return compile(frame);
}

TEST(Malformed, UnknownInstruction) {
  expect_costs_one(with_bad_function(op(0x3e)), FdeFault::kInstruction);
}

TEST(Malformed, TruncatedInstructions) {
  for (const Bytes& instructions :
       {Bytes{0x0c, 0x07, 0x80}, Bytes{0x04, 1, 2}, Bytes{0x03, 1}, Bytes{0x0f, 0x7f, 0x77},
        Bytes{0x10, 0x06, 0x20}, Bytes{0x86, 0x80}}) {
    // Nothing may stand behind them: fill up to the padding.
    Bytes filled = instructions;
    while ((filled.size() + 4 + 4 + 4 + 4 + 1) % 8 != 0)
      filled.insert(filled.begin(), 0);
    expect_costs_one(with_bad_function(filled), FdeFault::kInstruction);
  }
}

TEST(Malformed, NumbersOfMoreThan64Bits) {
  const Bytes endless(12, 0xff);
  expect_costs_one(with_bad_function(op(0x0e, endless + Bytes{0x01})), FdeFault::kInstruction);
}

TEST(Malformed, RestoreWithoutRemember) {
  expect_costs_one(with_bad_function(op(0x0b)), FdeFault::kState);
}

TEST(Malformed, TooManyRemembered) {
  Bytes remember;
  for (int i = 0; i < 257; ++i)
    remember.push_back(0x0a);
  expect_costs_one(with_bad_function(remember), FdeFault::kState);
}

TEST(Malformed, LocationsThatOverflowOrGoBack) {
  expect_costs_one(with_bad_function(advance4(2), {.code_alignment = UINT64_MAX}),
                   FdeFault::kLocation);
  expect_costs_one(with_bad_function(advance8(UINT64_MAX)), FdeFault::kLocation);
  const Cie absolute{.encoding = 0x00, .augmentation_data = {0x00}};
  expect_costs_one(with_bad_function(set_loc(number(kBefore)), absolute), FdeFault::kLocation);
}

TEST(Malformed, OffsetTimesAlignmentOverflows) {
  expect_costs_one(with_bad_function(op(0x13, sleb(INT64_MIN)), {.data_alignment = -1}),
                   FdeFault::kInstruction);
}

TEST(Malformed, SetLocOfAnUnknownEncoding) {
  // The FDE's own address can be read, set_loc's can't: it is cut off.
  expect_costs_one(with_bad_function(Bytes{0, 0, 0, 0, 0, 0x01, 0x00}), FdeFault::kPointer);
}

TEST(Malformed, CieOfAnUnknownVersion) {
  expect_costs_one(with_bad_function({}, {.version = 9}), FdeFault::kCie);
}

TEST(Malformed, CieWithUnknownAugmentationBeforeTheEncoding) {
  expect_costs_one(with_bad_function({}, {.augmentation = "zQR", .augmentation_data = {0, 0x1b}}),
                   FdeFault::kCie);
  expect_costs_one(with_bad_function({}, {.augmentation = "armcc+"}), FdeFault::kCie);
}

TEST(Malformed, CieWithoutEndOfItsAugmentation) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t endless =
      frame.raw(number(uint32_t{20}) + number(uint32_t{0}) + Bytes{1} + Bytes(15, 'z'));
  frame.fde(cie, kBefore, 0x100, {});
  frame.fde(endless, kBad, 0x100, {});
  frame.fde(cie, kBehind, 0x100, {});
  expect_costs_one(compile(frame), FdeFault::kCie);
}

TEST(Malformed, CieWhoseInstructionsAreMalformed) {
  expect_costs_one(with_bad_function({}, {.instructions = op(0x3e)}), FdeFault::kCie);
  // A CIE has no location to move.
  expect_costs_one(with_bad_function({}, {.instructions = advance(1)}), FdeFault::kCie);
}

TEST(Malformed, CieThatIsAnFde) {
  // The distance leads to the FDE before.
  Bytes record = number(uint32_t{20}) + number(uint32_t{28}) + Bytes(16, 0);
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t before = frame.fde(cie, kBefore, 0x100, {});
  const size_t here = frame.bytes().size();
  record = number(uint32_t{20}) + number(static_cast<uint32_t>(here + 4 - before)) + Bytes(16, 0);
  frame.raw(record);
  frame.fde(cie, kBehind, 0x100, {});
  expect_costs_one(compile(frame), FdeFault::kCie);
}

TEST(Malformed, CieOutsideTheSection) {
  for (const uint32_t distance : {uint32_t{0x10000}, uint32_t{0xffffff00}})
    expect_costs_one(with_bad_bytes(number(uint32_t{20}) + number(distance) + Bytes(16, 0)),
                     FdeFault::kCie);
}

TEST(Malformed, PointerOfAnUnknownEncoding) {
  expect_costs_one(with_bad_function({}, {.encoding = 0x00, .augmentation_data = {0x0d}}),
                   FdeFault::kPointer);
  expect_costs_one(with_bad_function({}, {.encoding = 0x00, .augmentation_data = {0xff}}),
                   FdeFault::kPointer);
  expect_costs_one(with_bad_function({}, {.encoding = 0x00, .augmentation_data = {0x70}}),
                   FdeFault::kPointer);
}

TEST(Malformed, IndirectPointerThatLeadsNowhere) {
  // Written absolute, said to be indirect: no byte of the file is loaded at 0x1100 + 0x…
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t indirect = frame.cie({.encoding = 0x00, .augmentation_data = {0x80}});
  frame.fde(cie, kBefore, 0x100, {});
  frame.fde(indirect, 0x7000'0000, 0x100, {});
  frame.fde(cie, kBehind, 0x100, {});
  expect_costs_one(compile(frame), FdeFault::kPointer);
}

TEST(Malformed, RangeAroundTheEndOfTheAddressSpace) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t absolute = frame.cie({.encoding = 0x00, .augmentation_data = {0x00}});
  frame.fde(cie, kBefore, 0x100, {});
  frame.fde(absolute, kBad, UINT64_MAX, {});
  frame.fde(cie, kBehind, 0x100, {});
  expect_costs_one(compile(frame), FdeFault::kRange);
}

TEST(Malformed, TruncatedFde) {
  // Room for the CIE's distance and half an address.
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kBefore, 0x100, {});
  const size_t here = frame.bytes().size();
  frame.raw(number(uint32_t{6}) + number(static_cast<uint32_t>(here + 4 - cie)) + Bytes(2, 0));
  frame.fde(cie, kBehind, 0x100, {});
  expect_costs_one(compile(frame), FdeFault::kPointer);
}

TEST(Malformed, LengthBeyondTheSectionCostsWhatFollowsWithoutATable) {
  const Compiled compiled = with_bad_bytes(number(uint32_t{0x10000}) + Bytes(20, 0));
  EXPECT_EQ(compiled.text, at(kBefore, "rsp+8 u c-8") + at(kBad, "none"));
  EXPECT_EQ(compiled.facts.malformed.at(static_cast<size_t>(FdeFault::kRecord)), 1U);
}

TEST(Malformed, ReservedLengthIsNoRecord) {
  const Compiled compiled = with_bad_bytes(number(uint32_t{0xfffffff1}) + Bytes(20, 0));
  EXPECT_EQ(compiled.facts.malformed.at(static_cast<size_t>(FdeFault::kRecord)), 1U);
}

TEST(Malformed, MoreRowsThanAreKept) {
  Bytes rows;
  for (int i = 0; i < (1 << 20) + 2; ++i)
    rows.insert(rows.end(), {0x41, 0x0e, 0x10});
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({.encoding = 0x00, .augmentation_data = {0x00}});
  frame.fde(cie, kBefore, 0x100'0000, rows);
  EXPECT_EQ(compile(frame).facts.malformed.at(static_cast<size_t>(FdeFault::kTooLarge)), 1U);
}

} // namespace
} // namespace pprofd::symbolizer::test
