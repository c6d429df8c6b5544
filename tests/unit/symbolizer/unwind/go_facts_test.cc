// Go programs are known by their sections, their runtime's functions by their symbols.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/symbolizer/unwind/cfi_assembler.h"

namespace pprofd::symbolizer::test {
namespace {

using testing::IsEmpty;

struct Symbol {
  std::string_view name;
  uint64_t address;
  uint8_t type = STT_FUNC;
};

Bytes go_program(const std::vector<Symbol>& symbols, size_t filler = 0) {
  std::string names(1, '\0');
  Bytes table(sizeof(Elf64_Sym), 0);
  for (size_t i = 0; i < filler; ++i)
    names += "runtime.filler" + std::to_string(i) + '\0';
  for (const Symbol& symbol : symbols) {
    table = table + number(static_cast<uint32_t>(names.size())) + Bytes{symbol.type, 0} +
            number(uint16_t{1}) + number(symbol.address) + number(uint64_t{0x20});
    names += std::string(symbol.name) + '\0';
  }
  return Elf()
      .section(".gopclntab", Bytes(16, 0), 0x20000)
      .section(".symtab", table, 0x21000, SHT_SYMTAB, 0)
      .section(".strtab", Bytes(names.begin(), names.end()), 0x22000, SHT_STRTAB, 0)
      .build();
}

TEST(Go, IsKnownByItsSections) {
  for (const char* name : {".gopclntab", ".note.go.buildid", ".go.buildinfo"})
    EXPECT_TRUE(compile(Elf().section(name, Bytes(16, 0), 0x20000).build()).facts.go) << name;
  EXPECT_FALSE(compile(Elf().build()).facts.go);
}

TEST(Go, FunctionsWhereStacksEndOrSwitch) {
  // More names than are read at once.
  const auto go = compile(go_program({{"runtime.mcall", 0x1100},
                                      {"runtime.goexit.abi0", 0x1200},
                                      {"runtime.goexit0", 0x1300},
                                      {"main.runtime.goexit", 0x1400},
                                      {"runtime.mstart.abi0", 0x1500},
                                      {"runtime.rt0_go.abi0", 0x1600},
                                      {"_rt0_amd64_linux", 0x1700},
                                      {"runtime.asmcgocall.abi0", 0x1800},
                                      {"runtime.systemstack.abi0", 0x1000},
                                      {"runtime.goexit", 0x1900, STT_OBJECT}},
                                     20'000))
                      .facts.go;
  ASSERT_TRUE(go);
  const auto found = [&](GoFunction function) {
    std::vector<uint64_t> addresses;
    for (const GoSymbol& symbol : go->functions)
      if (symbol.function == function)
        addresses.push_back(symbol.start.value);
    return addresses;
  };
  EXPECT_EQ(go->functions.size(), 7U);
  EXPECT_EQ(found(GoFunction::kGoexit), std::vector<uint64_t>{0x1200});
  EXPECT_EQ(found(GoFunction::kMstart), std::vector<uint64_t>{0x1500});
  EXPECT_EQ(found(GoFunction::kRt0Go), std::vector<uint64_t>{0x1600});
  EXPECT_EQ(found(GoFunction::kRt0), std::vector<uint64_t>{0x1700});
  EXPECT_EQ(found(GoFunction::kAsmcgocall), std::vector<uint64_t>{0x1800});
  EXPECT_EQ(found(GoFunction::kSystemstack), std::vector<uint64_t>{0x1000});
  EXPECT_EQ(found(GoFunction::kMcall), std::vector<uint64_t>{0x1100});
  EXPECT_EQ(go->functions.front().size, 0x20U);
}

TEST(Go, WithoutSymbolsIsGoAllTheSame) {
  const auto go = compile(Elf().section(".gopclntab", Bytes(16, 0), 0x20000).build()).facts.go;
  ASSERT_TRUE(go);
  EXPECT_THAT(go->functions, IsEmpty());
}

} // namespace
} // namespace pprofd::symbolizer::test
