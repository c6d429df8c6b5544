// Where call frame information is found, and what becomes of FDEs among each other.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <span>

#include "symbolizer/elf/image.h"
#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::test {
namespace {

using namespace cfa;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kA = Elf::kText;
constexpr uint64_t kB = Elf::kText + 0x100;
constexpr uint64_t kC = Elf::kText + 0x200;
constexpr uint64_t kHeader = 0x18000;
constexpr uint64_t kDebug = 0x20000;
constexpr uint32_t kEhFrameSegment = PT_GNU_EH_FRAME;

const Cie kAbsolute{.encoding = 0x00, .augmentation_data = {0x00}};
const Cie kDebugCie{.augmentation = "", .encoding = 0x00};

Bytes header_of(const FrameSection& frame, const std::vector<std::pair<uint64_t, size_t>>& table) {
  Bytes bytes{1, 0x1b, 0x03, 0x3b};
  bytes = bytes + number(static_cast<uint32_t>(frame.address() - (kHeader + 4)));
  bytes = bytes + number(static_cast<uint32_t>(table.size()));
  for (const auto& [address, offset] : table)
    bytes = bytes + number(static_cast<uint32_t>(address - kHeader)) +
            number(static_cast<uint32_t>(frame.address() + offset - kHeader));
  return bytes;
}

Bytes with_header(const FrameSection& frame, const Bytes& header, bool sections) {
  Elf elf;
  elf.section(".eh_frame", frame.bytes(), frame.address())
      .section(".eh_frame_hdr", header, kHeader)
      .segment(kEhFrameSegment, kHeader, header.size());
  if (!sections)
    elf.without_sections();
  return elf.build();
}

TEST(Sections, FileWithoutCallFrameInformationHasNoRows) {
  const Compiled compiled = compile(Elf().build());
  EXPECT_FALSE(compiled.facts.has_unwind_information());
  EXPECT_THAT(compiled.rows, IsEmpty());
  EXPECT_EQ(compiled.facts.text.start.value, Elf::kText);
  EXPECT_EQ(compiled.facts.text.end.value, Elf::kText + Elf::kTextSize);
}

TEST(Sections, EhFrameIsFoundByItsSection) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kA, 0x100, {});
  const Compiled compiled = compile(frame);
  EXPECT_TRUE(compiled.facts.has_unwind_information());
  EXPECT_EQ(compiled.facts.eh_frame_bytes, frame.bytes().size());
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "none"));
}

TEST(Sections, EhFrameIsFoundByItsSegmentWithoutSections) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kA, 0x100, {});
  frame.raw(number(uint32_t{0}));
  frame.raw(Bytes(64, 0xee)); // what follows in the segment is none of it
  const Compiled compiled = compile(with_header(frame, header_of(frame, {}), false));
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "none"));
  EXPECT_EQ(compiled.facts.malformed_total(), 0U);
}

TEST(Sections, TableLeadsBeyondATerminatorWithoutSections) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, {});
  frame.raw(number(uint32_t{0}) + number(uint32_t{0}));
  const size_t behind = frame.fde(cie, kB, 0x100, def_offset(16));
  frame.raw(number(uint32_t{0}));
  const Compiled compiled = compile(with_header(frame, header_of(frame, {{kB, behind}}), false));
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "rsp+16 u c-8") + at(kC, "none"));
}

TEST(Sections, TerminatorWithinASectionDoesNotEndIt) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, {});
  frame.raw(number(uint32_t{0}));
  frame.fde(cie, kB, 0x100, def_offset(16));
  EXPECT_EQ(compile(frame).text, at(kA, "rsp+8 u c-8") + at(kB, "rsp+16 u c-8") + at(kC, "none"));
}

TEST(Sections, TableLeadsBehindABrokenLength) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t first = frame.fde(cie, kA, 0x100, {});
  frame.raw(number(uint32_t{0x123456}) + Bytes(20, 0));
  const size_t last = frame.fde(cie, kC, 0x100, {});
  const Bytes header = header_of(frame, {{kA, first}, {kC, last}});
  for (const bool sections : {true, false}) {
    const Compiled compiled = compile(with_header(frame, header, sections));
    EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "none") + at(kC, "rsp+8 u c-8") +
                                 at(kC + 0x100, "none"));
    EXPECT_EQ(compiled.facts.malformed.at(static_cast<size_t>(FdeFault::kRecord)), 1U);
  }
}

TEST(Sections, TableOfLiesIsNotBelieved) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, {});
  frame.fde(cie, kB, 0x100, {});
  // Sorted wrongly, into the middle of records, and out of the section.
  const Bytes header = header_of(frame, {{kC, 3}, {kB, 0x777777}, {kA, 17}, {kA, 0}});
  EXPECT_EQ(compile(with_header(frame, header, true)).text, at(kA, "rsp+8 u c-8") + at(kC, "none"));
}

TEST(Sections, HeaderThatPointsNowhereIsNoted) {
  FrameSection nowhere(0x7000'0000);
  const Compiled compiled = compile(Elf()
                                        .section("header", header_of(nowhere, {}), kHeader)
                                        .segment(kEhFrameSegment, kHeader, 12)
                                        .build());
  EXPECT_FALSE(compiled.facts.has_unwind_information());
  EXPECT_THAT(compiled.facts.notes, ElementsAre(HasSubstr("points to no .eh_frame")));
}

TEST(Sections, SeveralEhFramesAreOne) {
  FrameSection first(Elf::kEhFrame);
  FrameSection second(0x20000);
  first.fde(first.cie({}), kB, 0x100, def_offset(16));
  second.fde(second.cie({}), kA, 0x100, {});
  EXPECT_EQ(compile(Elf()
                        .section(".eh_frame", first.bytes(), first.address())
                        .section(".eh_frame", second.bytes(), second.address())
                        .build())
                .text,
            at(kA, "rsp+8 u c-8") + at(kB, "rsp+16 u c-8") + at(kC, "none"));
}

TEST(Sections, SectionsWithoutBytesAreNotRead) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kA, 0x100, {});
  const Compiled compiled =
      compile(Elf().section(".eh_frame", frame.bytes(), frame.address(), SHT_NOBITS).build());
  EXPECT_FALSE(compiled.facts.has_unwind_information());
  EXPECT_THAT(compiled.facts.notes, IsEmpty());
}

TEST(Sections, X86SectionTypeServesForTheName) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({}), kA, 0x100, {});
  EXPECT_TRUE(compile(Elf().section("unwind", frame.bytes(), frame.address(), 0x70000001).build())
                  .facts.has_unwind_information());
}

TEST(DebugFrame, ServesWhereThereIsNoEhFrame) {
  for (const uint8_t version : {uint8_t{1}, uint8_t{3}, uint8_t{4}})
    for (const bool dwarf64 : {false, true}) {
      Cie cie = kDebugCie;
      cie.version = version;
      cie.dwarf64 = dwarf64;
      FrameSection debug(0, true);
      debug.fde(debug.cie(cie), kA, 0x100, advance(1) + def_offset(16));
      const Compiled compiled =
          compile(Elf().section(".debug_frame", debug.bytes(), kDebug, SHT_PROGBITS, 0).build());
      EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kA + 1, "rsp+16 u c-8") + at(kB, "none"))
          << int{version} << dwarf64;
      EXPECT_EQ(compiled.facts.debug_frame_bytes, debug.bytes().size());
    }
}

TEST(DebugFrame, EhFrameOf64BitDwarfIsRead) {
  FrameSection frame(Elf::kEhFrame);
  frame.fde(frame.cie({.dwarf64 = true}), kA, 0x100, {});
  EXPECT_EQ(compile(frame).text, at(kA, "rsp+8 u c-8") + at(kB, "none"));
}

TEST(DebugFrame, OfAddressesOfFourBytesIsMalformed) {
  Cie cie = kDebugCie;
  cie.version = 4;
  cie.address_size = 4;
  FrameSection debug(0, true);
  debug.fde(debug.cie(cie), kA, 0x100, {});
  EXPECT_EQ(compile(Elf().section(".debug_frame", debug.bytes(), kDebug).build())
                .facts.malformed.at(static_cast<size_t>(FdeFault::kCie)),
            1U);
}

TEST(DebugFrame, FillsWhatEhFrameLeavesOut) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA + 0x40, 0x20, def_offset(16));
  frame.fde(cie, kB, 0x100, def_offset(24));
  FrameSection debug(0, true);
  const size_t debug_cie = debug.cie(kDebugCie);
  debug.fde(debug_cie, kA, 0x180, advance2(0x80) + def_offset(80));
  debug.fde(debug_cie, kB + 0x20, 0x20, def_offset(88)); // hidden
  debug.fde(debug_cie, kC - 0x10, 0x20, def_offset(96)); // its beginning is
  const Compiled compiled = compile(Elf()
                                        .section(".eh_frame", frame.bytes(), frame.address())
                                        .section(".debug_frame", debug.bytes(), kDebug)
                                        .build());
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kA + 0x40, "rsp+16 u c-8") +
                               at(kA + 0x60, "rsp+8 u c-8") + at(kA + 0x80, "rsp+80 u c-8") +
                               at(kB, "rsp+24 u c-8") + at(kC, "rsp+96 u c-8") +
                               at(kC + 0x10, "none"));
}

TEST(DebugFrame, OfCodeThatALinkerDroppedIsLeftOut) {
  FrameSection debug(0, true);
  const size_t cie = debug.cie(kDebugCie);
  debug.fde(cie, 0, 0x100, {});
  debug.fde(cie, UINT64_MAX - 0x1000, 0x100, {});
  debug.fde(cie, kA, 0x100, {});
  const Compiled compiled = compile(Elf().section(".debug_frame", debug.bytes(), kDebug).build());
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "none"));
  EXPECT_EQ(compiled.facts.outside_code, 2U);
}

Bytes compressed(const Bytes& bytes, uint32_t type, uint64_t claimed) {
  Bytes packed;
  if (type == ELFCOMPRESS_ZLIB) {
    uLongf size = ::compressBound(bytes.size());
    packed.resize(size);
    ::compress(packed.data(), &size, bytes.data(), bytes.size());
    packed.resize(size);
  } else {
    packed.resize(::ZSTD_compressBound(bytes.size()));
    packed.resize(::ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
  }
  return number(type) + number(uint32_t{0}) + number(claimed) + number(uint64_t{8}) + packed;
}

FrameSection one_debug_function() {
  FrameSection debug(0, true);
  debug.fde(debug.cie(kDebugCie), kA, 0x100, {});
  return debug;
}

Compiled with_compressed(const Bytes& bytes) {
  return compile(
      Elf().section(".debug_frame", bytes, kDebug, SHT_PROGBITS, SHF_COMPRESSED).build());
}

TEST(CompressedDebugFrame, IsInflatedByZlibAndZstd) {
  const Bytes plain = one_debug_function().bytes();
  for (const uint32_t type : {uint32_t{ELFCOMPRESS_ZLIB}, uint32_t{2}})
    EXPECT_EQ(with_compressed(compressed(plain, type, plain.size())).text,
              at(kA, "rsp+8 u c-8") + at(kB, "none"));
}

TEST(CompressedDebugFrame, ThatIsDamagedIsNoted) {
  const Bytes plain = one_debug_function().bytes();
  Bytes damaged = compressed(plain, ELFCOMPRESS_ZLIB, plain.size());
  damaged[30] ^= 0xff;
  EXPECT_THAT(with_compressed(damaged).facts.notes, ElementsAre(HasSubstr("damaged")));
  EXPECT_THAT(with_compressed(compressed(plain, 2, plain.size() + 1)).facts.notes,
              ElementsAre(HasSubstr("damaged")));
  EXPECT_THAT(with_compressed(compressed(plain, 77, plain.size())).facts.notes,
              ElementsAre(HasSubstr("unknown compression")));
  EXPECT_THAT(with_compressed(Bytes(10, 0)).facts.notes, ElementsAre(HasSubstr("too short")));
}

TEST(CompressedDebugFrame, ThatInflatesBeyondTheLimitIsNotRead) {
  const Bytes plain = one_debug_function().bytes();
  EXPECT_THAT(with_compressed(compressed(plain, ELFCOMPRESS_ZLIB, uint64_t{1} << 40)).facts.notes,
              ElementsAre(HasSubstr("more than")));
}

TEST(Fdes, AreSortedByAddress) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  for (const uint64_t i : {uint64_t{3}, uint64_t{0}, uint64_t{2}, uint64_t{1}})
    frame.fde(cie, kA + 0x100 * i, 0x100, def_offset(16 + 8 * i));
  EXPECT_EQ(compile(frame).text, at(kA, "rsp+16 u c-8") + at(kB, "rsp+24 u c-8") +
                                     at(kC, "rsp+32 u c-8") + at(kC + 0x100, "rsp+40 u c-8") +
                                     at(kC + 0x200, "none"));
}

TEST(Fdes, ThatOverlapEndWhereTheNextBegins) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x1000, def_offset(16));
  frame.fde(cie, kB, 0x80, def_offset(24));
  const Compiled compiled = compile(frame);
  EXPECT_EQ(compiled.text, at(kA, "rsp+16 u c-8") + at(kB, "rsp+24 u c-8") + at(kB + 0x80, "none"));
  EXPECT_EQ(compiled.facts.overlapping, 1U);
}

TEST(Fdes, OfOneAddressTheFirstInTheFileHolds) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, def_offset(16));
  frame.fde(cie, kA, 0x200, def_offset(24));
  const Compiled compiled = compile(frame);
  EXPECT_EQ(compiled.text, at(kA, "rsp+16 u c-8") + at(kB, "none"));
  EXPECT_EQ(compiled.facts.overlapping, 1U);
}

TEST(Fdes, WithoutAddressesAreCounted) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, {});
  frame.fde(cie, kA + 0x10, 0, def_offset(16));
  const Compiled compiled = compile(frame);
  EXPECT_EQ(compiled.text, at(kA, "rsp+8 u c-8") + at(kB, "none"));
  EXPECT_EQ(compiled.facts.empty, 1U);
}

TEST(Fdes, LargerThanAWindowAreReadWhole) {
  Bytes rows;
  for (int i = 0; i < 20'000; ++i) {
    const Bytes row = advance(1) + def_offset(i % 2 == 0 ? 16 : 24);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie(kAbsolute);
  frame.fde(cie, kA, 0x4000, rows);
  frame.fde(cie, kA + 0x3000, 0x10, {}); // cuts it
  const Compiled compiled = compile(frame, {.merge_pairs = false, .padding = 0});
  EXPECT_EQ(compiled.rows.size(), 0x3000U + 2);
}

TEST(Files, ThatEndEarlyNeverFail) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  const size_t fde = frame.fde(cie, kA, 0x100, advance(1) + def_offset(16));
  frame.fde(cie, kB, 0x100, {});
  const Bytes whole = with_header(frame, header_of(frame, {{kA, fde}}), true);
  // Byte by byte where something stands, in steps where nothing does.
  const auto near = [](size_t size, uint64_t place) { return size >= place && size < place + 160; };
  for (size_t size = sizeof(Elf64_Ehdr); size < whole.size();
       size += near(size, 0) || near(size, Elf::kEhFrame) || near(size, kHeader) ? 1 : 160) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const ByteSource source = ByteSource::of_memory(std::as_bytes(std::span(part)));
    if (const auto image = ElfImage::open(source)) {
      uint64_t last = 0;
      const auto facts = compile_rows(source, *image, {}, [&](std::span<const Row> rows) {
        for (const Row& row : rows) {
          EXPECT_TRUE(last < row.address.value);
          last = row.address.value;
        }
      });
      EXPECT_TRUE(facts.has_value());
    }
  }
}

TEST(Files, WhoseSectionReachesBeyondTheirEndAreReadAsFarAsTheyGo) {
  FrameSection frame(Elf::kEhFrame);
  const size_t cie = frame.cie({});
  frame.fde(cie, kA, 0x100, {});
  Bytes file = Elf().section(".eh_frame", frame.bytes(), frame.address()).build();
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  Elf64_Shdr section;
  const size_t place = header.e_shoff + 2 * sizeof section;
  std::memcpy(&section, file.data() + place, sizeof section);
  ASSERT_EQ(section.sh_offset, Elf::kEhFrame);
  section.sh_size = uint64_t{1} << 40;
  std::memcpy(file.data() + place, &section, sizeof section);
  const Compiled compiled = compile(file);
  EXPECT_THAT(compiled.text, HasSubstr("rsp+8 u c-8"));
  EXPECT_THAT(compiled.facts.notes, ElementsAre(HasSubstr("beyond the end of the file")));
}

std::string refusal(Bytes file) {
  const ByteSource source = ByteSource::of_memory(std::as_bytes(std::span(file)));
  const auto image = ElfImage::open(source);
  if (!image)
    return image.error().why;
  const auto facts = compile_rows(source, *image, {}, [](std::span<const Row>) {});
  return facts ? "" : facts.error().why;
}

TEST(Files, OfOtherMachinesAndKindsAreRefusedWithTheReason) {
  Bytes file = Elf().build();
  EXPECT_EQ(refusal(Elf(EM_RISCV).build()), "machine 243 is neither x86-64 nor arm64");
  file[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
  EXPECT_EQ(refusal(file), "a relocatable file has no addresses yet");
  file[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(refusal(file), "32-bit ELF files are not supported");
}

} // namespace
} // namespace pprofd::symbolizer::test
