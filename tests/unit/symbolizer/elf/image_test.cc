#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <sstream>

#include "symbolizer/base/hex.h"
#include "symbolizer/elf/image.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;
using testing::HasSubstr;

constexpr std::string_view kSource = "int twice(int x) { return 2 * x; }\n"
                                     "int main(int argc, char** argv) { return twice(argc); }\n";

struct Flavour {
  std::string name;
  std::string command;
};
void PrintTo(const Flavour& value, std::ostream* out) {
  *out << value.command;
}

class EveryFlavour : public testing::TestWithParam<Flavour> {
protected:
  void SetUp() override {
    const std::string source = scratch_.write("a.c", kSource);
    path_ = scratch_.path("a");
    test::run(GetParam().command + " -O2 -Wl,--build-id " + source + " -o " + path_);
    fd_ = test::open_file(path_);
  }
  Scratch scratch_;
  std::string path_;
  Fd fd_;
};

INSTANTIATE_TEST_SUITE_P(
    Elf, EveryFlavour,
    testing::Values(Flavour{"gcc_pie", "gcc -pie"}, Flavour{"gcc_fixed", "gcc -no-pie"},
                    Flavour{"gcc_static", "gcc -static"},
                    Flavour{"gcc_shared", "gcc -shared -fPIC"},
                    Flavour{"gold", "gcc -fuse-ld=gold"},
                    Flavour{"clang_lld", "clang-19 -fuse-ld=lld -Wl,-z,separate-code"},
                    Flavour{"lld_overlapping_pages", "clang-19 -fuse-ld=lld"}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(EveryFlavour, BuildIdIsReadelfs) {
  const auto source = ByteSource::of_file(fd_.get());
  ASSERT_TRUE(source);
  const auto image = ElfImage::open(*source);
  ASSERT_TRUE(image) << image.error().why;
  EXPECT_FALSE(image->build_id().empty());
  EXPECT_THAT(test::run("readelf -n " + path_),
              HasSubstr("Build ID: " + hex_of(image->build_id()) + "\n"));
}

// readelf's lines: LOAD offset vaddr paddr filesz memsz flags align
TEST_P(EveryFlavour, OffsetsBecomeTheAddressesOfReadelfsSegments) {
  const auto source = ByteSource::of_file(fd_.get());
  const auto image = ElfImage::open(*source);
  ASSERT_TRUE(image);
  int executable = 0;
  for (const std::string& line : test::lines_of(test::run("readelf -lW " + path_))) {
    std::istringstream fields(line);
    std::string type;
    uint64_t offset = 0, address = 0, physical = 0, size = 0;
    fields >> type >> std::hex >> offset >> address >> physical >> size;
    // Only code is sampled; data may share its first page in the file with code.
    if (type != "LOAD" || line.find("R E ") == std::string::npos)
      continue;
    ++executable;
    for (uint64_t at = 0; at < size; at += 7)
      ASSERT_EQ(image->translate({offset + at}), ElfAddress{address + at});
  }
  EXPECT_EQ(executable, 1);
  EXPECT_FALSE(image->translate({source->size() + (1 << 20)}));
}

TEST_P(EveryFlavour, CodeIsReadelfsExecutableSections) {
  const auto source = ByteSource::of_file(fd_.get());
  const auto image = ElfImage::open(*source);
  ASSERT_TRUE(image);
  size_t sections = 0;
  for (const std::string& line : test::lines_of(test::run("readelf -SW " + path_))) {
    if (line.find(" AX ") == std::string::npos)
      continue;
    // "  [14] .text PROGBITS 0000000000001040 001040 …"
    std::istringstream fields(line.substr(line.find(']') + 1));
    std::string name, type;
    uint64_t address = 0, offset = 0, size = 0;
    fields >> name >> type >> std::hex >> address >> offset >> size;
    ++sections;
    ASSERT_NE(image->code_at({address}), nullptr) << name;
    EXPECT_EQ(image->code_at({address + size - 1}), image->code_at({address})) << name;
    EXPECT_EQ(image->translate({offset}), ElfAddress{address}) << name;
  }
  EXPECT_EQ(image->code().size(), sections);
}

// Opens a memory image.
Result<ElfImage> open_bytes(std::string_view bytes) {
  return ElfImage::open(ByteSource::of_memory(std::as_bytes(std::span(bytes))));
}

class HostileElf : public testing::Test {
protected:
  void SetUp() override {
    test::run("gcc -O2 -Wl,--build-id " + scratch_.write("a.c", kSource) + " -o " +
              scratch_.path("a"));
    bytes_ = test::read_file(scratch_.path("a"));
  }
  Elf64_Ehdr header() const {
    Elf64_Ehdr header;
    std::memcpy(&header, bytes_.data(), sizeof header);
    return header;
  }
  void set_header(const Elf64_Ehdr& header) { std::memcpy(bytes_.data(), &header, sizeof header); }
  std::string why() const {
    const auto image = open_bytes(bytes_);
    return image ? "" : image.error().why;
  }
  Scratch scratch_;
  std::string bytes_;
};

TEST_F(HostileElf, WhatIsNoElfFileIsRefusedWithTheReason) {
  EXPECT_EQ(open_bytes("").error().why, "the file is empty");
  EXPECT_EQ(open_bytes("\x7f"
                       "EL")
                .error()
                .why,
            "not an ELF file");
  EXPECT_EQ(open_bytes("#!/bin/sh\n").error().why, "not an ELF file");
  bytes_[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(why(), "32-bit ELF files are not supported");
  bytes_[EI_CLASS] = 77;
  EXPECT_EQ(why(), "unknown ELF class 77");
  bytes_[EI_CLASS] = ELFCLASS64;
  bytes_[EI_DATA] = ELFDATA2MSB;
  EXPECT_EQ(why(), "big-endian ELF files are not supported");
  bytes_[EI_DATA] = 9;
  EXPECT_EQ(why(), "unknown ELF data encoding 9");
}

TEST_F(HostileElf, EveryTruncationEndsInAnErrorOrAnImage) {
  size_t refused = 0;
  for (size_t size = 0; size < bytes_.size(); size += size < 2048 ? 1 : 61)
    refused += !open_bytes(std::string_view(bytes_).substr(0, size));
  EXPECT_GE(refused, sizeof(Elf64_Ehdr));
}

TEST_F(HostileElf, EnormousCountsAndOffsetsAreRefused) {
  Elf64_Ehdr changed = header();
  changed.e_phoff = UINT64_MAX - 10;
  set_header(changed);
  EXPECT_THAT(why(), HasSubstr("beyond the end"));
  changed = header();
  changed.e_phoff = 64;
  changed.e_phnum = 65'000;
  set_header(changed);
  EXPECT_EQ(why(), "65000 program headers");
  changed.e_phentsize = 1;
  set_header(changed);
  EXPECT_EQ(why(), "program headers of 1 bytes");
}

TEST_F(HostileElf, AnUnusableSectionTableLeavesBuildIdAndAddresses) {
  const auto good = open_bytes(bytes_);
  Elf64_Ehdr changed = header();
  changed.e_shnum = 0; // the number stands in the first header's size
  set_header(changed);
  Elf64_Shdr first{};
  first.sh_size = uint64_t{1} << 60;
  std::memcpy(bytes_.data() + changed.e_shoff, &first, sizeof first);
  auto image = open_bytes(bytes_);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->section_failure(), "section headers: 1152921504606846976 of them");
  EXPECT_TRUE(image->sections().empty());
  EXPECT_EQ(hex_of(image->build_id()), hex_of(good->build_id()));
  EXPECT_EQ(image->translate({0x1040}), good->translate({0x1040}));

  changed.e_shoff = UINT64_MAX - 63;
  changed.e_shnum = 30;
  set_header(changed);
  image = open_bytes(bytes_);
  ASSERT_TRUE(image);
  EXPECT_THAT(image->section_failure(), HasSubstr("beyond the end"));
}

TEST_F(HostileElf, SectionNamesWithoutEndStayInTheirTable) {
  const auto image = open_bytes(bytes_);
  ASSERT_TRUE(image);
  const Elf64_Ehdr now = header();
  Elf64_Shdr names;
  std::memcpy(&names, bytes_.data() + now.e_shoff + now.e_shstrndx * sizeof names, sizeof names);
  std::memset(bytes_.data() + names.sh_offset, 'x', names.sh_size);
  const auto changed = open_bytes(bytes_);
  ASSERT_TRUE(changed);
  for (const ElfSection& section : changed->sections())
    EXPECT_LE(changed->name_of(section).size(), names.sh_size);
}

TEST_F(HostileElf, SegmentsThatWrapAroundDoNotTranslateEverything) {
  const Elf64_Ehdr now = header();
  for (unsigned i = 0; i < now.e_phnum; ++i) {
    Elf64_Phdr segment;
    char* at = bytes_.data() + now.e_phoff + i * sizeof segment;
    std::memcpy(&segment, at, sizeof segment);
    segment.p_offset = UINT64_MAX - 100;
    segment.p_filesz = UINT64_MAX - 100;
    std::memcpy(at, &segment, sizeof segment);
  }
  const auto image = open_bytes(bytes_);
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->translate({0x1040}));
  EXPECT_TRUE(image->translate({UINT64_MAX - 50}));
}

// mmap maps whole pages: what lies around a segment in the file is at hand around it in memory.
TEST_F(HostileElf, TheRestOfASegmentsPagesIsTranslatedWithIt) {
  const Elf64_Ehdr now = header();
  for (unsigned i = 0; i < now.e_phnum; ++i) {
    Elf64_Phdr segment;
    char* at = bytes_.data() + now.e_phoff + i * sizeof segment;
    std::memcpy(&segment, at, sizeof segment);
    segment.p_type = PT_NULL;
    if (i == 0)
      segment = {.p_type = PT_LOAD,
                 .p_flags = PF_R | PF_X,
                 .p_offset = 0x1430,
                 .p_vaddr = 0x402430,
                 .p_paddr = 0,
                 .p_filesz = 0x100,
                 .p_memsz = 0x100,
                 .p_align = 4096};
    std::memcpy(at, &segment, sizeof segment);
  }
  const auto image = open_bytes(bytes_);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->translate({0x1000}), ElfAddress{0x402000});
  EXPECT_EQ(image->translate({0x1430}), ElfAddress{0x402430});
  EXPECT_EQ(image->translate({0x1fff}), ElfAddress{0x402fff});
  EXPECT_FALSE(image->translate({0xfff}));
  EXPECT_FALSE(image->translate({0x2000}));
}

TEST_F(HostileElf, OnlyRegularFilesAreRead) {
  const std::string fifo = scratch_.path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Fd open_fifo(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const Fd device(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const Fd folder(::open("/", O_RDONLY | O_CLOEXEC));
  for (const Fd* fd : {&open_fifo, &device, &folder}) {
    const auto source = ByteSource::of_file(fd->get());
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().why, "not a regular file");
  }
  EXPECT_EQ(ByteSource::of_file(-1).error().why, "Bad file descriptor");
}

TEST_F(HostileElf, AFileThatShrinksAfterOpeningIsAnErrorNotASignal) {
  const std::string path = scratch_.path("a");
  const Fd fd = test::open_file(path);
  const auto source = ByteSource::of_file(fd.get());
  ASSERT_TRUE(source);
  ASSERT_EQ(::truncate(path.c_str(), 100), 0);
  const auto image = ElfImage::open(*source);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().why, "the file became shorter or could not be read");
}

} // namespace
} // namespace pprofd::symbolizer
