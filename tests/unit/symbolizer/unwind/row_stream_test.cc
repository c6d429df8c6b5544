// The clean-up of rows, and signal trampolines laid over them.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::test {
namespace {

using namespace cfa;

constexpr uint64_t kA = Elf::kText;
constexpr uint64_t kB = Elf::kText + 0x100;
const Bytes kTrampoline = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

Compiled function(const Bytes& instructions, const RowOptions& options = {}) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kA, 0x100, instructions);
  return compile(frame, options);
}

TEST(CleanUp, EqualNeighboursAreOneRow) {
  const Compiled compiled =
      function(advance(4) + def_offset(8) + advance(4) + op(0x0a) + advance(4) + op(0x0b));
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "none"));
  EXPECT_EQ(compiled.facts.rows_decoded, 3U);
  EXPECT_EQ(compiled.facts.rows, 2U);
}

TEST(CleanUp, NeighboursOfTwoFunctionsAreOneRowToo) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, {});
  frame.fde(cie, kB, 0x100, {});
  const Compiled compiled = compile(frame);
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kA + 0x200, "none"));
  EXPECT_EQ(compiled.facts.gaps, 1U);
}

TEST(CleanUp, GapGetsARowUnlessItIsPadding) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0xf1, {});
  frame.fde(cie, kB, 0x100, {});
  EXPECT_EQ(compile(frame).text, at(kA, "rsp+8 u c-8") + at(kA + 0xf1, "none") +
                                     at(kB, "rsp+8 u c-8") + at(kB + 0x100, "none"));
  EXPECT_EQ(compile(frame, {.padding = 15}).text, at(kA, "rsp+8 u c-8") + at(kB + 0x100, "none"));
  EXPECT_EQ(compile(frame, {.padding = 14}).rows.size(), 4U);
}

TEST(CleanUp, PushesBecomePairs) {
  const Compiled compiled = function(advance(2) + def_offset(16) + advance(2) + def_offset(24) +
                                     advance(1) + def_offset(32) + advance(4) + def_offset(64));
  ASSERT_EQ(compiled.rows.size(), 4U);
  EXPECT_EQ(compiled.rows[0].rule.cfa_offset, 8);
  EXPECT_EQ(compiled.rows[0].rule.merge_at, 2);
  EXPECT_EQ(compiled.rows[0].rule.merge_delta, 8);
  EXPECT_EQ(compiled.rows[1].address.value, kA + 4);
  EXPECT_EQ(compiled.rows[1].rule.cfa_offset, 24);
  EXPECT_EQ(compiled.rows[1].rule.merge_at, 1);
  EXPECT_EQ(compiled.rows[2].rule.merge_at, 0);
  EXPECT_EQ(compiled.facts.merged_pairs, 2U);
  // Taken apart again they read as they were written.
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kA + 2, "rsp+16 u c-8") +
                               at(kA + 4, "rsp+24 u c-8") + at(kA + 5, "rsp+32 u c-8") +
                               at(kA + 9, "rsp+64 u c-8") + at(kB, "none"));
}

TEST(CleanUp, PopsBecomePairs) {
  const Compiled compiled =
      function(def_offset(24) + advance(1) + def_offset(16) + advance(2) + def_offset(8));
  ASSERT_EQ(compiled.rows.size(), 3U);
  EXPECT_EQ(compiled.rows[0].rule.merge_delta, -8);
  EXPECT_EQ(compiled.rows[0].rule.merge_at, 1);
}

TEST(CleanUp, OnlyTheCfasOffsetMayDifferInAPair) {
  EXPECT_EQ(function(advance(1) + def_offset(16) + offset(6, 2)).facts.merged_pairs, 0U);
  EXPECT_EQ(function(def(6, 16) + advance(1) + def_offset(8)).facts.merged_pairs, 0U);
  EXPECT_EQ(function(advance(1) + def(6, 16)).facts.merged_pairs, 0U);
  EXPECT_EQ(function(advance(1) + def_offset(100'000)).facts.merged_pairs, 0U);
  EXPECT_EQ(function(advance(3) + def_offset(16)).facts.merged_pairs, 0U);
  EXPECT_EQ(function(advance(1) + def_offset(16), {.merge_pairs = false}).facts.merged_pairs, 0U);
}

TEST(CleanUp, PairsAreMadeAcrossBatchesToo) {
  // 3,000 pairs: more than one batch on its way to the sink.
  Bytes rows;
  for (int i = 0; i < 3000; ++i)
    rows.insert(rows.end(), {0x41, 0x0e, 0x10, 0x44, 0x0e, 0x08});
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kA, 0x3f00, rows);
  const Compiled compiled = compile(frame);
  EXPECT_EQ(compiled.facts.merged_pairs, 3000U);
  EXPECT_EQ(compiled.rows.size(), 3000U + 2);
  EXPECT_EQ(compiled.facts.rows, compiled.rows.size());
}

Compiled with_code(const FrameSection& frame, uint64_t address, const Bytes& code,
                   bool dependencies) {
  Elf elf;
  elf.text(address, code).section(".eh_frame", frame.bytes(), frame.address());
  if (dependencies) {
    const Bytes dynamic = number(uint64_t{DT_NEEDED}) + number(uint64_t{1}) +
                          number(uint64_t{DT_NULL}) + number(uint64_t{0});
    elf.section(".dynamic", dynamic, 0x30000).segment(PT_DYNAMIC, 0x30000, dynamic.size());
  }
  return compile(elf.build());
}

FrameSection two_functions(uint64_t gap) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, def_offset(16));
  frame.fde(cie, kB + gap, 0x100, def_offset(24));
  return frame;
}

TEST(Trampolines, AreFoundWhereNoFdeCovers) {
  for (const bool dependencies : {false, true}) {
    const Compiled compiled = with_code(two_functions(0x20), kB + 0x10, kTrampoline, dependencies);
    EXPECT_EQ(compiled.text, at(kA, "rsp+16 u c-8") + at(kB, "none") + at(kB + 0xf, "exp exp exp") +
                                 at(kB + 0x19, "none") + at(kB + 0x20, "rsp+24 u c-8") +
                                 at(kB + 0x120, "none"));
    EXPECT_EQ(compiled.facts.signal_trampolines, 1U);
    EXPECT_EQ(compiled.rows[2].rule.flags, UNWIND_RULE_SIGNAL_FRAME);
  }
}

TEST(Trampolines, BeginAByteEarlyForTheReturnAddress) {
  // Also where a function ends just before.
  EXPECT_EQ(with_code(two_functions(0x20), kB, kTrampoline, true).text,
            at(kA, "rsp+16 u c-8") + at(kB - 1, "exp exp exp") + at(kB + 9, "none") +
                at(kB + 0x20, "rsp+24 u c-8") + at(kB + 0x120, "none"));
}

TEST(Trampolines, WithinAnFdeAreFoundInFilesThatNeedNoOther) {
  const uint64_t place = kA + 0x40;
  EXPECT_EQ(with_code(two_functions(0), place, kTrampoline, false).text,
            at(kA, "rsp+16 u c-8") + at(place - 1, "exp exp exp") + at(place + 9, "rsp+16 u c-8") +
                at(kB, "rsp+24 u c-8") + at(kB + 0x100, "none"));
  EXPECT_EQ(with_code(two_functions(0), place, kTrampoline, true).facts.signal_trampolines, 0U);
}

TEST(Trampolines, UpToTheNextFunctionAndOneAfterTheOther) {
  EXPECT_EQ(with_code(two_functions(18), kB, kTrampoline + kTrampoline, true).text,
            at(kA, "rsp+16 u c-8") + at(kB - 1, "exp exp exp") + at(kB + 18, "rsp+24 u c-8") +
                at(kB + 18 + 0x100, "none"));
}

TEST(Trampolines, ServeAFileWithoutAnyUnwindInformation) {
  const Compiled compiled = compile(Elf().text(kA + 0x33, kTrampoline).build());
  EXPECT_EQ(compiled.text, at(kA + 0x32, "exp exp exp") + at(kA + 0x3c, "none"));
  EXPECT_FALSE(compiled.facts.has_unwind_information());
}

TEST(Trampolines, AtTheEndOfTheCode) {
  const uint64_t place = Elf::kText + Elf::kTextSize - kTrampoline.size();
  EXPECT_EQ(with_code(two_functions(0), place, kTrampoline, true).text,
            at(kA, "rsp+16 u c-8") + at(kB, "rsp+24 u c-8") + at(kB + 0x100, "none") +
                at(place - 1, "exp exp exp") + at(place + 9, "none"));
}

TEST(Trampolines, OfArm64AreItsInstructions) {
  const Bytes trampoline = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};
  const Compiled compiled = compile(Elf(EM_AARCH64).text(kA + 0x40, trampoline).build());
  EXPECT_EQ(compiled.text, at(kA + 0x3f, "exp exp exp") + at(kA + 0x48, "none"));
}

} // namespace
} // namespace pprofd::symbolizer::test
