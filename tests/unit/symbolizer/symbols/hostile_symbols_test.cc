// Files made to hurt: every one must end in names, in a note, or in nothing; never in a crash.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "symbolizer/symbols/xz.h"
#include "tests/unit/symbolizer/support/table.h"

namespace pprofd::symbolizer {
namespace {

using test::read_table;
using test::Scratch;
using test::Table;
using testing::HasSubstr;

constexpr std::string_view kSource = "#include <stdio.h>\n"
                                     "int first(int x) { return 2 * x; }\n"
                                     "int second(int x) { puts(\"a\"); return first(x) + 1; }\n"
                                     "int main(int argc, char** argv) { return second(argc); }\n";

// A program whose bytes are changed in memory and read from there.
class HostileSymbols : public testing::Test {
protected:
  void SetUp() override {
    test::run("gcc -O2 " + scratch_.write("a.c", kSource) + " -o " + path_);
    load();
  }
  void load() { bytes_ = test::read_file(path_); }

  Elf64_Ehdr header() const {
    Elf64_Ehdr header;
    std::memcpy(&header, bytes_.data(), sizeof header);
    return header;
  }
  Elf64_Shdr section(const std::string& name) const { return read_section(index_of(name)); }
  void set_section(const std::string& name, const Elf64_Shdr& section) {
    std::memcpy(bytes_.data() + header().e_shoff + index_of(name) * sizeof section, &section,
                sizeof section);
  }
  // Changes every symbol of .symtab.
  template <typename Change> void change_symbols(Change change) {
    const Elf64_Shdr symtab = section(".symtab");
    for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= symtab.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, bytes_.data() + symtab.sh_offset + at, sizeof symbol);
      change(symbol);
      std::memcpy(bytes_.data() + symtab.sh_offset + at, &symbol, sizeof symbol);
    }
  }

  struct Outcome {
    size_t symbols = 0;
    size_t named = 0; // addresses of code with a name
    std::string notes;
  };
  Outcome read(const SymbolLimits& limits = {}) const { return read(bytes_, limits); }
  static Outcome read(std::string_view bytes, const SymbolLimits& limits = {}) {
    const auto source = ByteSource::of_memory(std::as_bytes(std::span(bytes)));
    const auto image = ElfImage::open(source);
    if (!image)
      return {.symbols = 0, .named = 0, .notes = image.error().why};
    const auto table = SymbolTable::build(source, *image, limits);
    Outcome outcome{.symbols = table.size(), .named = 0, .notes = {}};
    for (const std::string& note : table.notes())
      outcome.notes += note + "\n";
    SymbolTable::Reader reader(table, source);
    for (uint64_t address = 0x1000; address < 0x1400; ++address)
      if (const auto symbol = reader.find({address}); symbol) {
        ++outcome.named;
        EXPECT_LE(symbol->name.size(), kMaxName);
      }
    return outcome;
  }

  Scratch scratch_;
  std::string path_ = scratch_.path("a");
  std::string bytes_;

private:
  Elf64_Shdr read_section(unsigned index) const {
    Elf64_Shdr section;
    std::memcpy(&section, bytes_.data() + header().e_shoff + index * sizeof section,
                sizeof section);
    return section;
  }
  unsigned index_of(const std::string& name) const {
    const uint64_t names = read_section(header().e_shstrndx).sh_offset;
    for (unsigned i = 0; i < header().e_shnum; ++i)
      if (name == bytes_.c_str() + names + read_section(i).sh_name)
        return i;
    ADD_FAILURE() << "no section " << name;
    return 0;
  }
};

TEST_F(HostileSymbols, TheFileIsFineBeforeItIsChanged) {
  const Outcome outcome = read();
  EXPECT_GT(outcome.symbols, 5U);
  EXPECT_GT(outcome.named, 50U);
  EXPECT_EQ(outcome.notes, "");
}

TEST_F(HostileSymbols, StringsWithoutEndAreCutAtTheEndOfTheirTable) {
  const Elf64_Shdr strings = section(".strtab");
  std::memset(bytes_.data() + strings.sh_offset, 'a', strings.sh_size);
  EXPECT_GT(read().named, 50U);
}

TEST_F(HostileSymbols, NamesOutsideTheTableAreNoNames) {
  change_symbols([](Elf64_Sym& symbol) { symbol.st_name = 0xfffffff0; });
  Elf64_Shdr dynsym = section(".dynsym");
  dynsym.sh_type = SHT_NULL;
  set_section(".dynsym", dynsym);
  EXPECT_EQ(read().named, 0U);
}

TEST_F(HostileSymbols, TablesThatReachBeyondTheFileAreNotRead) {
  Elf64_Shdr table = section(".symtab");
  table.sh_size = uint64_t{1} << 62;
  set_section(".symtab", table);
  EXPECT_THAT(read().notes, HasSubstr(".symtab: it reaches beyond the end of the file"));
  load();
  table = section(".strtab");
  table.sh_offset = UINT64_MAX - 4;
  set_section(".strtab", table);
  EXPECT_THAT(read().notes, HasSubstr("its string table reaches beyond the end of the file"));
  load();
  table = section(".symtab");
  table.sh_link = 0xffffff;
  set_section(".symtab", table);
  EXPECT_THAT(read().notes, HasSubstr(".symtab: no string table"));
  load();
  table = section(".symtab");
  table.sh_entsize = 1;
  set_section(".symtab", table);
  EXPECT_THAT(read().notes, HasSubstr(".symtab: entries of 1 bytes"));
}

TEST_F(HostileSymbols, OverlappingTablesAndAStringTableInTheSymbolsDoNotHurt) {
  const Elf64_Shdr symtab = section(".symtab");
  Elf64_Shdr strings = section(".strtab");
  strings.sh_offset = symtab.sh_offset;
  strings.sh_size = symtab.sh_size;
  set_section(".strtab", strings);
  EXPECT_LT(read().named, 0x400U);
}

TEST_F(HostileSymbols, EnormousSizesEndWithTheirSection) {
  change_symbols([](Elf64_Sym& symbol) { symbol.st_size = UINT64_MAX; });
  const Elf64_Shdr fini = section(".fini");
  const auto source = ByteSource::of_memory(std::as_bytes(std::span(bytes_)));
  const auto image = ElfImage::open(source);
  const auto table = SymbolTable::build(source, *image);
  SymbolTable::Reader reader(table, source);
  const auto symbol = reader.find({fini.sh_addr});
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->name, "_fini");
  EXPECT_FALSE(reader.find({fini.sh_addr + fini.sh_size}));
}

TEST_F(HostileSymbols, AllSymbolsAtOneAddressLeaveOne) {
  const uint64_t text = section(".text").sh_addr;
  change_symbols([&](Elf64_Sym& symbol) {
    symbol.st_value = text;
    symbol.st_size = 0;
  });
  EXPECT_EQ(read().symbols, 1U + 2U); // and two stubs of the PLT
}

TEST_F(HostileSymbols, MoreSymbolsThanAllowedAreLeftOutAndSaid) {
  const Outcome outcome = read({.symbols = 5, .xz = {}});
  EXPECT_LE(outcome.symbols, 5U + 2U);
  EXPECT_THAT(outcome.notes, HasSubstr(" symbols, of which 5 are used"));
}

TEST_F(HostileSymbols, ANameOf100000BytesIsCutAndMarked) {
  const std::string name(100'000, 'n');
  test::run("gcc -nostdlib -shared " +
            scratch_.write("long.s", ".text\n.globl " + name + "\n" + name + ": .fill 16\n") +
            " -o " + path_);
  const Table table = read_table(path_);
  const auto symbols = test::nm(path_, "");
  ASSERT_EQ(symbols.size(), 1U);
  const std::string found = table.name_at(symbols[0].address);
  EXPECT_EQ(found.size(), kMaxName);
  EXPECT_TRUE(found.ends_with("nnn..."));
}

TEST_F(HostileSymbols, EveryTruncationIsSurvived) {
  for (size_t size = 0; size < bytes_.size(); size += 97)
    read(std::string_view(bytes_).substr(0, size));
}

TEST_F(HostileSymbols, RandomDamageIsSurvived) {
  std::mt19937 random(1);
  const std::string good = bytes_;
  const Elf64_Ehdr now = header();
  for (int round = 0; round < 2000; ++round) {
    bytes_ = good;
    for (int i = 0; i < 8; ++i) {
      // Half of it where it hurts: the section headers.
      const size_t at = i % 2 == 0 ? random() % bytes_.size()
                                   : now.e_shoff + random() % (now.e_shnum * sizeof(Elf64_Shdr));
      bytes_[at] = static_cast<char>(random());
    }
    read();
  }
}

class Debugdata : public HostileSymbols {
protected:
  // Strips the program and gives it `content` as .gnu_debugdata.
  Outcome read_with(const std::string& content) {
    test::run("strip " + path_ + " && objcopy --remove-section .gnu_debugdata --add-section " +
              ".gnu_debugdata=" + scratch_.write("section", content) + " " + path_);
    load();
    return read();
  }
  std::string xz(const std::string& content, const std::string& options = "") {
    return test::run("xz -c " + options + " " + scratch_.write("plain", content));
  }
};

TEST_F(Debugdata, DamageIsNotedAndTheDynamicNamesStay) {
  const std::string good = xz(bytes_);
  EXPECT_EQ(read_with(good).notes, "");
  EXPECT_THAT(read_with("").notes, HasSubstr(".gnu_debugdata: a damaged xz stream"));
  EXPECT_THAT(read_with("not xz at all").notes, HasSubstr(".gnu_debugdata: not an xz stream"));
  EXPECT_THAT(read_with(good.substr(0, good.size() / 2)).notes, HasSubstr("a damaged xz stream"));
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(~flipped[good.size() / 2]);
  EXPECT_THAT(read_with(flipped).notes, HasSubstr(".gnu_debugdata: "));
  const Outcome not_elf = read_with(xz("hello"));
  EXPECT_THAT(not_elf.notes, HasSubstr(".gnu_debugdata: not an ELF file"));
  EXPECT_GT(not_elf.symbols, 0U);
}

TEST_F(Debugdata, ABombIsCutOffAtItsLimit) {
  const std::string bomb = xz(std::string(100 << 20, '\0'));
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_THAT(read_with(bomb).notes, HasSubstr("it inflates to more than 50331648 bytes"));
}

TEST_F(Debugdata, AnEnormousDictionaryIsRefused) {
  EXPECT_THAT(read_with(xz(bytes_, "--lzma2=dict=1GiB")).notes,
              HasSubstr("its dictionary is larger than what is inflated"));
}

} // namespace
} // namespace pprofd::symbolizer
