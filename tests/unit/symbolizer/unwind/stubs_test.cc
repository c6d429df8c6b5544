// Rows of linkage stubs without call frame information. The bytes are those that lld and GNU ld
// write.
#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::test {
namespace {

constexpr uint64_t kPlt = Elf::kText + 0x100;

const Bytes kX86First = {0xff, 0x35, 0x1a, 0x22, 0,    0,    0xff, 0x25,
                         0x1c, 0x22, 0,    0,    0x0f, 0x1f, 0x40, 0};
const Bytes kX86Lazy = {0xff, 0x25, 0x1a, 0x22, 0,    0,    0x68, 0,
                        0,    0,    0,    0xe9, 0xe0, 0xff, 0xff, 0xff};
const Bytes kX86Branch = {0xf3, 0x0f, 0x1e, 0xfa, 0x68, 0,    0,    0,
                          0,    0xe9, 0xe2, 0xff, 0xff, 0xff, 0x66, 0x90};
const Bytes kX86Bound = {0x68, 0,    0,    0,    0,    0xf2, 0xe9, 0xe2,
                         0xff, 0xff, 0xff, 0x0f, 0x1f, 0x44, 0,    0};
const Bytes kX86Direct = {0xff, 0x25, 0x1a, 0x22, 0, 0, 0x66, 0x90};
const Bytes kX86Retpoline = {0xff, 0x35, 0x9a, 0x22, 0,    0,    0x4c, 0x8b, 0x1d, 0x9b, 0x22,
                             0,    0,    0xe8, 0x0e, 0,    0,    0,    0xf3, 0x90, 0x0f, 0xae,
                             0xe8, 0xeb, 0xf9, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc};

Bytes arm(std::initializer_list<uint32_t> instructions) {
  Bytes bytes;
  for (const uint32_t instruction : instructions)
    bytes = bytes + number(instruction);
  return bytes;
}
const Bytes kArmFirst = arm({0xa9bf7bf0, 0xf00000f0, 0xf947fe11, 0x913fe210, 0xd61f0220, 0xd503201f,
                             0xd503201f, 0xd503201f});
const Bytes kArmTargetFirst = arm({0xd503245f, 0xa9bf7bf0, 0xf00000f0, 0xf947fe11, 0x913fe210,
                                   0xd61f0220, 0xd503201f, 0xd503201f});
const Bytes kArmEntry = arm({0x90000110, 0xf9400211, 0x91000210, 0xd61f0220});

Compiled stubs(const Bytes& code, std::string_view section = ".plt", uint16_t machine = EM_X86_64) {
  return compile(Elf(machine).section(section, code, kPlt).build());
}

int16_t pushed_from(const Compiled& compiled) {
  const auto row = std::ranges::find_if(
      compiled.rows, [](const Row& each) { return each.rule.cfa == UNWIND_CFA_PLT; });
  return row == compiled.rows.end() ? int16_t{0} : row->rule.deref_offset;
}

TEST(Stubs, LazyEntriesPushAWordWhereTheirInstructionsSay) {
  for (const auto& [entry, pushed] :
       {std::pair(kX86Lazy, 11), std::pair(kX86Branch, 9), std::pair(kX86Bound, 5)}) {
    const Compiled compiled = stubs(kX86First + entry + entry);
    EXPECT_EQ(compiled.text, at(kPlt, "rsp+16 u c-8") + at(kPlt + 6, "rsp+24 u c-8") +
                                 at(kPlt + 16, "exp u c-8") + at(kPlt + 48, "none"));
    EXPECT_EQ(pushed_from(compiled), pushed);
    EXPECT_EQ(compiled.rows.at(2).rule.cfa_offset, 8);
  }
}

TEST(Stubs, DirectEntriesOnlyJump) {
  const Bytes marked = Bytes{0xf3, 0x0f, 0x1e, 0xfa} + kX86Direct;
  for (const char* section : {".plt", ".iplt", ".plt.got", ".plt.sec"})
    for (const Bytes& entry : {kX86Direct, marked})
      EXPECT_EQ(stubs(entry + entry, section).text,
                at(kPlt, "rsp+8 u c-8") + at(kPlt + 2 * entry.size(), "none"));
}

TEST(Stubs, InitAndFiniKeepTheStackAligned) {
  const Bytes begin = {0x48, 0x83, 0xec, 0x08};
  const Bytes call = {0x48, 0x8b, 0x05, 0xc5, 0x2f, 0, 0, 0x48, 0x85, 0xc0, 0x74, 0x02, 0xff, 0xd0};
  const Bytes end = {0x48, 0x83, 0xc4, 0x08, 0xc3};
  const Bytes target = {0xf3, 0x0f, 0x1e, 0xfa};
  EXPECT_EQ(stubs(begin + call + end, ".init").text,
            at(kPlt, "rsp+8 u c-8") + at(kPlt + 4, "rsp+16 u c-8") + at(kPlt + 22, "rsp+8 u c-8") +
                at(kPlt + 23, "none"));
  EXPECT_EQ(stubs(target + begin + end, ".fini").text,
            at(kPlt, "rsp+8 u c-8") + at(kPlt + 8, "rsp+16 u c-8") + at(kPlt + 12, "rsp+8 u c-8") +
                at(kPlt + 13, "none"));
  EXPECT_EQ(stubs(begin + call, ".init").text, "");
  EXPECT_EQ(stubs(begin + Bytes(32, 0x90) + end, ".init").text, ""); // larger than any
}

TEST(Stubs, OtherCodeHasNoRows) {
  EXPECT_EQ(stubs(kX86Retpoline).text, "");
  EXPECT_EQ(stubs(kX86First + kX86Retpoline).text, "");
  EXPECT_EQ(stubs(kX86First).text, ""); // the first entry alone
  EXPECT_EQ(stubs(Bytes(48, 0x90)).text, "");
  EXPECT_EQ(stubs(kX86Direct, ".text.plt").text, "");
}

TEST(Stubs, EntriesThatAreNotAlignedHaveNoRows) {
  const Bytes code = kX86First + kX86Lazy;
  EXPECT_EQ(compile(Elf().section(".plt", code, kPlt + 8).build()).text, "");
}

TEST(Stubs, Arm64sFirstEntryStoresTheReturnAddress) {
  EXPECT_EQ(stubs(kArmFirst + kArmEntry, ".plt", EM_AARCH64).text,
            at(kPlt, "sp+0 u x30") + at(kPlt + 4, "sp+16 u c-8") + at(kPlt + 32, "sp+0 u x30") +
                at(kPlt + 48, "none"));
  EXPECT_EQ(stubs(kArmTargetFirst + kArmEntry, ".plt", EM_AARCH64).text,
            at(kPlt, "sp+0 u x30") + at(kPlt + 8, "sp+16 u c-8") + at(kPlt + 32, "sp+0 u x30") +
                at(kPlt + 48, "none"));
  EXPECT_EQ(stubs(kArmEntry, ".iplt", EM_AARCH64).text,
            at(kPlt, "sp+0 u x30") + at(kPlt + 16, "none"));
}

TEST(Stubs, CallFrameInformationHasPrecedence) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kPlt, 32, cfa::def_offset(64));
  const Bytes file = Elf()
                         .section(".plt", kX86First + kX86Lazy + kX86Lazy, kPlt)
                         .section(".eh_frame", frame.bytes(), frame.address())
                         .build();
  EXPECT_EQ(compile(file).text,
            at(kPlt, "rsp+64 u c-8") + at(kPlt + 32, "exp u c-8") + at(kPlt + 48, "none"));
  EXPECT_EQ(compile(file, {.beyond_cfi = false}).text,
            at(kPlt, "rsp+64 u c-8") + at(kPlt + 32, "none"));
}

TEST(Stubs, OverlappingSectionsGiveEachAddressOneRow) {
  const Bytes file = Elf()
                         .section(".plt", kX86First + kX86Lazy + kX86Lazy, kPlt)
                         .section(".iplt", kX86Direct + kX86Direct, kPlt + 32)
                         .build();
  EXPECT_EQ(compile(file).text, at(kPlt, "rsp+16 u c-8") + at(kPlt + 6, "rsp+24 u c-8") +
                                    at(kPlt + 16, "exp u c-8") + at(kPlt + 48, "none"));
}

TEST(Stubs, SectionsOutsideTheCodeAreNotBelieved) {
  const Bytes code = kX86First + kX86Lazy;
  EXPECT_EQ(compile(Elf().section(".plt", code, Elf::kText + Elf::kTextSize).build()).text, "");
  EXPECT_EQ(compile(Elf().section(".plt", code, Elf::kText + Elf::kTextSize - 16).build()).text,
            "");
}

} // namespace
} // namespace pprofd::symbolizer::test
