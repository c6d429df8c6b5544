// What call frame instructions become: one test a rule, from CFI written by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::test {
namespace {

using namespace cfa;

constexpr uint64_t kStart = Elf::kText;

constexpr uint8_t kRbp = 6;
constexpr uint8_t kRsp = 7;
constexpr uint8_t kRa = 16;

// One function of 0x100 bytes with these instructions.
Compiled function(const Bytes& instructions, const Cie& cie = {},
                  const RowOptions& options = {.merge_pairs = false, .padding = 0}) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie(cie), kStart, 0x100, instructions);
  return compile(frame, options);
}

// The rule in force at the function's first byte.
unwind_rule first_rule(const Bytes& instructions, const Cie& cie = {}) {
  const Compiled compiled = function(instructions, cie);
  EXPECT_EQ(compiled.facts.malformed_total(), 0U);
  if (compiled.rows.empty()) {
    ADD_FAILURE() << "no rows";
    return {};
  }
  EXPECT_EQ(compiled.rows.front().address.value, kStart);
  return compiled.rows.front().rule;
}

const std::string kEnd = at(kStart + 0x100, "none");

TEST(Rules, CieRuleHoldsForAFunctionWithoutInstructions) {
  EXPECT_EQ(function({}).text, at(kStart, "rsp+8 u c-8") + kEnd);
}

TEST(Rules, PushOfFramePointerThenFrameFromFramePointer) {
  EXPECT_EQ(function(advance(1) + def_offset(16) + offset(kRbp, 2) + advance(3) +
                     def_register(kRbp) + advance1(0x90) + def(kRsp, 8) + restore(kRbp))
                .text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 1, "rsp+16 c-16 c-8") +
                at(kStart + 4, "rbp+16 c-16 c-8") + at(kStart + 0x94, "rsp+8 u c-8") + kEnd);
}

TEST(Rules, EveryAdvanceMovesTheLocation) {
  EXPECT_EQ(function(advance(2) + def_offset(16) + advance1(3) + def_offset(24) + advance2(4) +
                     def_offset(32) + advance4(5) + def_offset(40) + advance8(6) + def_offset(48))
                .text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 2, "rsp+16 u c-8") +
                at(kStart + 5, "rsp+24 u c-8") + at(kStart + 9, "rsp+32 u c-8") +
                at(kStart + 14, "rsp+40 u c-8") + at(kStart + 20, "rsp+48 u c-8") + kEnd);
}

TEST(Rules, CodeAlignmentFactorScalesAdvances) {
  EXPECT_EQ(function(advance(2) + def_offset(16), {.code_alignment = 4}).text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 8, "rsp+16 u c-8") + kEnd);
}

TEST(Rules, SetLocTakesAnAddressInTheFdesEncoding) {
  const Cie absolute{.encoding = 0x00, .augmentation_data = {0x00}};
  EXPECT_EQ(function(set_loc(number(kStart + 0x20)) + def_offset(16), absolute).text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 0x20, "rsp+16 u c-8") + kEnd);
}

TEST(Rules, AdvanceByNothingReplacesTheRow) {
  EXPECT_EQ(function(def_offset(16) + advance(0) + def_offset(24)).text,
            at(kStart, "rsp+24 u c-8") + kEnd);
}

TEST(Rules, RowsBehindTheFunctionsEndAreCut) {
  EXPECT_EQ(function(advance2(0x100) + def_offset(16)).text, at(kStart, "rsp+8 u c-8") + kEnd);
}

TEST(Rules, RememberAndRestoreNest) {
  Bytes down;
  Bytes up;
  std::string text;
  for (uint8_t i = 0; i < 100; ++i) {
    down = down + op(0x0a) + def_offset(16 + 8 * uint64_t{i}) + advance(1);
    up = up + op(0x0b) + advance(1);
    text += at(kStart + i, "rsp+" + std::to_string(16 + 8 * i) + " u c-8");
  }
  // The last state remembered is the one before the last offset.
  for (int i = 98; i >= 0; --i)
    text += at(kStart + 100 + static_cast<uint64_t>(98 - i),
               "rsp+" + std::to_string(16 + 8 * i) + " u c-8");
  text += at(kStart + 199, "rsp+8 u c-8");
  EXPECT_EQ(function(down + up).text, text + kEnd);
}

TEST(Rules, RestoreStateBringsCfaAndRegistersBack) {
  EXPECT_EQ(function(offset(kRbp, 2) + def(kRbp, 16) + op(0x0a) + advance(4) + restore(kRbp) +
                     def(kRsp, 8) + advance(4) + op(0x0b))
                .text,
            at(kStart, "rbp+16 c-16 c-8") + at(kStart + 4, "rsp+8 u c-8") +
                at(kStart + 8, "rbp+16 c-16 c-8") + kEnd);
}

TEST(Rules, RestoreGoesBackToTheCiesRule) {
  const Cie cie{.instructions = def(kRsp, 8) + offset(kRa, 1) + offset(kRbp, 3)};
  const Bytes forget = op(0x07, uleb(kRbp)) + advance(1);
  EXPECT_EQ(function(forget + restore(kRbp), cie).text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 1, "rsp+8 c-24 c-8") + kEnd);
  EXPECT_EQ(function(forget + op(0x06, uleb(kRbp)), cie).text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 1, "rsp+8 c-24 c-8") + kEnd);
}

TEST(Rules, OffsetsInEveryForm) {
  EXPECT_EQ(first_rule(op(0x05, uleb(kRbp) + uleb(2))).fp_offset, -16);  // offset_extended
  EXPECT_EQ(first_rule(op(0x11, uleb(kRbp) + sleb(-2))).fp_offset, 16);  // …_sf
  EXPECT_EQ(first_rule(op(0x2f, uleb(kRbp) + uleb(2))).fp_offset, 16);   // GNU_negative_…
  EXPECT_EQ(first_rule(op(0x12, uleb(kRsp) + sleb(-3))).cfa_offset, 24); // def_cfa_sf
  EXPECT_EQ(first_rule(op(0x13, sleb(-4))).cfa_offset, 32);              // def_cfa_offset_sf
  EXPECT_EQ(first_rule(offset(kRa, 3)).ra_offset, -24);
}

TEST(Rules, LargeOffsetsAreKeptWhole) {
  const unwind_rule rule = first_rule(def_offset(0x1234568) + offset(kRbp, 0x10000) + //
                                      offset(kRa, 0x8000));
  EXPECT_EQ(rule.cfa_offset, 0x1234568);
  EXPECT_EQ(rule.fp_offset, -0x80000);
  EXPECT_EQ(rule.ra_offset, -0x40000);
}

TEST(Rules, OtherRegistersDoNotMatter) {
  EXPECT_EQ(function(advance(1) + offset(3, 2) + advance(1) + op(0x07, uleb(15)) + advance(1) +
                     restore(3) + op(0x2e, uleb(1000)) + op(0x2d))
                .text,
            at(kStart, "rsp+8 u c-8") + kEnd);
}

TEST(Rules, UndefinedReturnAddressIsTheOutermostFrame) {
  const unwind_rule rule = first_rule(op(0x07, uleb(kRa)));
  EXPECT_EQ(rule.ra, UNWIND_RA_UNDEFINED);
  EXPECT_EQ(function(op(0x07, uleb(kRa))).text, at(kStart, "rsp+8 u u") + kEnd);
}

TEST(Rules, ReturnAddressAndFramePointerInRegisters) {
  // As libc's vfork and longjmp have it.
  const unwind_rule rule =
      first_rule(op(0x09, uleb(kRa) + uleb(5)) + op(0x09, uleb(kRbp) + uleb(9)));
  EXPECT_EQ(rule.ra, UNWIND_RA_REGISTER);
  EXPECT_EQ(rule.ra_offset, 5);
  EXPECT_EQ(rule.fp, UNWIND_FP_REGISTER);
  EXPECT_EQ(rule.fp_offset, 9);
}

TEST(Rules, StackPointerInARegisterIsNotTheCfa) {
  const unwind_rule rule = first_rule(def(5, 0) + op(0x09, uleb(kRsp) + uleb(8)));
  EXPECT_EQ(rule.cfa, UNWIND_CFA_REGISTER);
  EXPECT_EQ(rule.cfa_register, 5);
  EXPECT_EQ(rule.flags, UNWIND_RULE_SP_REGISTER);
  EXPECT_EQ(rule.deref_offset, 8);
}

TEST(Rules, StackPointerSavedInMemoryIsUnsupported) {
  const Compiled compiled = function(offset(kRsp, 2));
  EXPECT_EQ(compiled.facts.unsupported_sp, 1U);
  EXPECT_EQ(compiled.rows.front().rule.cfa, UNWIND_CFA_UNSUPPORTED);
}

TEST(Rules, StackPointerThatIsTheCfaSaysNothingNew) {
  EXPECT_EQ(function(op(0x14, uleb(kRsp) + uleb(0))).text, at(kStart, "rsp+8 u c-8") + kEnd);
}

TEST(Rules, SameValueAndUndefinedFramePointerAreUnchanged) {
  for (const uint8_t opcode : {uint8_t{0x07}, uint8_t{0x08}})
    EXPECT_EQ(first_rule(offset(kRbp, 2) + op(opcode, uleb(kRbp))).fp, UNWIND_FP_UNCHANGED);
}

TEST(Rules, ValuesOfRegistersThatAreNotInMemoryAreUnsupported) {
  const Bytes val_offset = op(0x14, uleb(kRbp) + uleb(1));
  const Bytes val_offset_sf = op(0x15, uleb(kRa) + sleb(1));
  const Bytes val_expression = op(0x16, uleb(kRbp) + uleb(2) + breg(kRbp, 0));
  EXPECT_EQ(first_rule(val_offset).fp, UNWIND_FP_UNSUPPORTED);
  EXPECT_EQ(first_rule(val_offset_sf).ra, UNWIND_RA_UNSUPPORTED);
  EXPECT_EQ(first_rule(val_expression).fp, UNWIND_FP_UNSUPPORTED);
  EXPECT_EQ(function(val_offset).facts.unsupported_fp, 1U);
  EXPECT_EQ(function(val_offset_sf).facts.unsupported_ra, 1U);
  EXPECT_EQ(function(val_offset).text, at(kStart, "rsp+8 exp c-8") + kEnd);
}

TEST(Rules, CfaFromAnotherRegister) {
  const unwind_rule rule = first_rule(def(10, 0));
  EXPECT_EQ(rule.cfa, UNWIND_CFA_REGISTER);
  EXPECT_EQ(rule.cfa_register, 10);
  EXPECT_EQ(function(def(10, 0)).text, at(kStart, "r10+0 u c-8") + kEnd);
}

TEST(Rules, PltEntryExpression) {
  const Bytes plt = breg(kRsp, 8) + breg(kRa, 0) + Bytes{0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
  const unwind_rule rule = first_rule(def_expression(plt));
  EXPECT_EQ(rule.cfa, UNWIND_CFA_PLT);
  EXPECT_EQ(rule.cfa_offset, 8);
  EXPECT_EQ(rule.deref_offset, 11);
  EXPECT_EQ(function(def_expression(plt)).text, at(kStart, "exp u c-8") + kEnd);
}

TEST(Rules, DereferencedRegisters) {
  unwind_rule rule = first_rule(def_expression(breg(kRbp, -40) + Bytes{0x06}));
  EXPECT_EQ(rule.cfa, UNWIND_CFA_DEREF_FP);
  EXPECT_EQ(rule.deref_offset, -40);
  EXPECT_EQ(rule.cfa_offset, 0);
  rule = first_rule(def_expression(breg(kRsp, 152) + Bytes{0x06, 0x23, 0x08}));
  EXPECT_EQ(rule.cfa, UNWIND_CFA_DEREF_SP);
  EXPECT_EQ(rule.deref_offset, 152);
  EXPECT_EQ(rule.cfa_offset, 8);
  // The same addend by a constant and plus, or minus.
  rule = first_rule(def_expression(breg(kRsp, 152) + Bytes{0x06, 0x38, 0x22}));
  EXPECT_EQ(rule.cfa_offset, 8);
  rule = first_rule(def_expression(breg(kRsp, 152) + Bytes{0x06, 0x38, 0x1c}));
  EXPECT_EQ(rule.cfa_offset, -8);
  rule = first_rule(def_expression(Bytes{0x92} + uleb(kRbp) + sleb(-8) + Bytes{0x06}));
  EXPECT_EQ(rule.cfa, UNWIND_CFA_DEREF_FP);
}

TEST(Rules, FramePointerRelativeToItselfByExpression) {
  const unwind_rule rule = first_rule(op(0x10, uleb(kRbp) + uleb(2) + breg(kRbp, 0)));
  EXPECT_EQ(rule.fp, UNWIND_FP_AT_FP);
  EXPECT_EQ(rule.fp_offset, 0);
}

TEST(Rules, ExpressionsOfOtherShapesAreUnsupported) {
  const std::vector<Bytes> blocks = {
      {},                                                                  // nothing
      {0x06},                                                              // deref of nothing
      breg(kRsp, 8),                                                       // no dereference
      breg(0, 8) + Bytes{0x06},                                            // another register
      breg(kRsp, 8) + Bytes{0x06, 0x06},                                   // twice
      breg(kRsp, 8) + Bytes{0x06, 0x38},                                   // no operation
      breg(kRsp, 8) + Bytes{0x06, 0x38, 0x1e},                             // times
      breg(kRsp, 8) + breg(9, 0) + Bytes{0x38, 0x1e, 0x22, 0x06, 0x23, 8}, // libcrypto's
      breg(kRbp, 8) + breg(kRa, 0) + Bytes{0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
      breg(kRsp, 8) + breg(kRa, 1) + Bytes{0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
      breg(kRsp, 8) + breg(kRa, 0) + Bytes{0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22, 0x96},
      breg(kRsp, 0x8000) + Bytes{0x06}, // out of a rule's range
      Bytes{0x77},                      // truncated
  };
  for (const Bytes& block : blocks) {
    const Compiled compiled = function(def_expression(block));
    EXPECT_EQ(compiled.facts.unsupported_cfa, 1U);
    EXPECT_EQ(compiled.facts.malformed_total(), 0U);
    EXPECT_EQ(compiled.text, at(kStart, "exp u c-8") + kEnd);
  }
}

TEST(Rules, RegisterAfterExpressionGoesOnFromTheOffsetBefore) {
  // As libgcrypt's AVX code has it; libgcc, gdb and readelf agree.
  EXPECT_EQ(function(def_offset(56) + def_expression(breg(kRsp, 536) + Bytes{0x06, 0x23, 56}) +
                     advance(4) + def_register(kRsp) + advance(2) + def_offset(48))
                .text,
            at(kStart, "exp u c-8") + at(kStart + 4, "rsp+56 u c-8") +
                at(kStart + 6, "rsp+48 u c-8") + kEnd);
}

TEST(Rules, NumbersBeyondARuleAreUnsupported) {
  EXPECT_EQ(first_rule(def_offset(uint64_t{1} << 40)).cfa, UNWIND_CFA_UNSUPPORTED);
  EXPECT_EQ(first_rule(def(300, 0)).cfa, UNWIND_CFA_UNSUPPORTED);
  EXPECT_EQ(first_rule(offset(kRbp, uint64_t{1} << 40)).fp, UNWIND_FP_UNSUPPORTED);
  EXPECT_EQ(first_rule(offset(kRa, UINT64_MAX / 2)).ra, UNWIND_RA_UNSUPPORTED);
}

TEST(Rules, NothingSaidOfTheCfaIsUnsupported) {
  EXPECT_EQ(first_rule({}, {.instructions = {}}).cfa, UNWIND_CFA_UNSUPPORTED);
}

TEST(Rules, SignalFrameByAugmentation) {
  const Cie cie{.augmentation = "zRS"};
  const Bytes frame = def_expression(breg(kRsp, 160) + Bytes{0x06}) +
                      op(0x10, uleb(kRbp) + uleb(3) + breg(kRsp, 120)) +
                      op(0x10, uleb(kRa) + uleb(3) + breg(kRsp, 168));
  unwind_rule rule = first_rule(frame, cie);
  EXPECT_EQ(rule.cfa, UNWIND_CFA_SIGNAL);
  EXPECT_EQ(rule.flags, UNWIND_RULE_SIGNAL_FRAME);
  EXPECT_EQ(function(frame, cie).text, at(kStart, "exp exp exp") + kEnd);
  // A signal frame of another shape keeps its rules; its caller's pc is no return address.
  rule = first_rule(def_offset(32), cie);
  EXPECT_EQ(rule.cfa, UNWIND_CFA_SP);
  EXPECT_EQ(rule.flags, UNWIND_RULE_SIGNAL_FRAME);
}

TEST(Rules, ReturnAddressColumnIsTheCies) {
  const Cie cie{.version = 3,
                .return_address = 200,
                .instructions = def(kRsp, 8) + //
                                op(0x05, uleb(200) + uleb(2))};
  EXPECT_EQ(function({}, cie).text, at(kStart, "rsp+8 u c-16") + kEnd);
}

TEST(ArmRules, LeafReturnsByTheLinkRegister) {
  const Cie cie{.code_alignment = 4, .return_address = 30, .instructions = def(31, 0)};
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie(cie), kStart, 0x40,
            advance(1) + def_offset(32) + offset(29, 4) + offset(30, 3) + advance(1) +
                def_register(29) + advance(4) + restore(30) + restore(29) + def(31, 0) +
                advance(1) + op(0x07, uleb(30)));
  const Compiled compiled =
      compile(Elf(183).section(".eh_frame", frame.bytes(), frame.address()).build());
  EXPECT_EQ(compiled.text, at(kStart, "sp+0 u x30") + at(kStart + 4, "sp+32 c-32 c-24") +
                               at(kStart + 8, "x29+32 c-32 c-24") + at(kStart + 24, "sp+0 u x30") +
                               at(kStart + 28, "sp+0 u u") + at(kStart + 0x40, "none"));
}

TEST(ArmRules, SignedReturnAddressesAreMarked) {
  const Cie cie{
      .augmentation = "zRB", .code_alignment = 4, .return_address = 30, .instructions = def(31, 0)};
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie(cie), kStart, 0x40, advance(1) + op(0x2d) + advance(4) + op(0x2d));
  const Compiled compiled =
      compile(Elf(183).section(".eh_frame", frame.bytes(), frame.address()).build());
  ASSERT_EQ(compiled.rows.size(), 4U);
  EXPECT_EQ(compiled.rows[0].rule.flags, 0);
  EXPECT_EQ(compiled.rows[1].rule.flags, UNWIND_RULE_PAC);
  EXPECT_EQ(compiled.rows[2].rule.flags, 0);
}

TEST(Encodings, FdeAddressesInEveryForm) {
  struct Case {
    uint8_t encoding;
    uint64_t start;
  };
  for (const auto& [encoding, start] :
       {Case{0x00, kStart}, Case{0x01, kStart}, Case{0x02, kStart}, Case{0x03, kStart},
        Case{0x04, kStart}, Case{0x09, kStart}, Case{0x0a, kStart}, Case{0x0b, kStart},
        Case{0x0c, kStart}, Case{0x10, kStart}, Case{0x1b, kStart}, Case{0x1c, kStart},
        Case{0x20, kStart}, Case{0x3b, kStart}}) {
    const Cie cie{.encoding = encoding, .augmentation_data = {encoding}};
    EXPECT_EQ(function({}, cie).text, at(start, "rsp+8 u c-8") + kEnd) << int{encoding};
  }
}

TEST(Encodings, IndirectPointersAreFollowedInTheFile) {
  constexpr uint64_t kPointer = 0x20000;
  FrameSection frame(Elf::kEhFrame);
  // Written absolute: the address of the pointer; the CIE says it is indirect.
  const size_t cie = frame.cie({.encoding = 0x00, .augmentation_data = {0x80}});
  frame.fde(cie, kPointer, 0x100, {});
  const Compiled compiled = compile(Elf()
                                        .section(".eh_frame", frame.bytes(), frame.address())
                                        .section(".data", number(kStart), kPointer)
                                        .build());
  EXPECT_EQ(compiled.text, at(kStart, "rsp+8 u c-8") + kEnd);
}

TEST(Encodings, PersonalityAndLsdaArePassedOver) {
  const Cie cie{.augmentation = "zPLR",
                .augmentation_data = Bytes{0x9b} + number(uint32_t{0x1234}) + Bytes{0x1b, 0x1b}};
  EXPECT_EQ(function(advance(1) + def_offset(16), cie).text,
            at(kStart, "rsp+8 u c-8") + at(kStart + 1, "rsp+16 u c-8") + kEnd);
}

TEST(Encodings, UnknownAugmentationBehindTheKnownOnesIsPassedOver) {
  const Cie cie{.augmentation = "zRQ", .augmentation_data = {0x1b, 1, 2, 3}};
  EXPECT_EQ(function({}, cie).text, at(kStart, "rsp+8 u c-8") + kEnd);
}

} // namespace
} // namespace pprofd::symbolizer::test
