// PLT stubs against objdump's labels, for each layout the linkers write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/unit/symbolizer/support/table.h"

namespace pprofd::symbolizer {
namespace {

using test::read_table;
using test::Scratch;
using test::Table;

// malloc is called and its address is taken, which makes a stub in .plt.got.
constexpr std::string_view kSource = R"(
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void* (*allocate)(size_t);
int main(int argc, char** argv) {
  allocate = malloc;
  char* text = malloc(100);
  if (!text) abort();
  strcpy(text, argv[0]);
  strcat(text, argv[argc - 1]);
  puts(text);
  free(text);
  return atoi(argv[0]);
}
)";

struct Layout {
  std::string name;
  std::string command;
};
void PrintTo(const Layout& value, std::ostream* out) {
  *out << value.command;
}

class EveryLayout : public testing::TestWithParam<Layout> {};

INSTANTIATE_TEST_SUITE_P(
    Plt, EveryLayout,
    testing::Values(Layout{"bfd_lazy", "gcc -Wl,-z,lazy -fcf-protection=none"},
                    Layout{"bfd_now", "gcc -Wl,-z,now -fcf-protection=none"},
                    Layout{"bfd_ibt", "gcc -Wl,-z,lazy -Wl,-z,ibtplt -fcf-protection=full"},
                    Layout{"bfd_ibt_now", "gcc -Wl,-z,now -Wl,-z,ibtplt -fcf-protection=full"},
                    Layout{"bfd_fixed", "gcc -no-pie -fno-pie -Wl,-z,lazy"},
                    Layout{"gold", "gcc -fuse-ld=gold"}, Layout{"lld", "clang-19 -fuse-ld=lld"},
                    Layout{"lld_ibt",
                           "clang-19 -fuse-ld=lld -fcf-protection=full -Wl,-z,force-ibt"}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(EveryLayout, EachStubHasTheNameObjdumpGivesIt) {
  const Scratch scratch;
  const std::string path = scratch.path("a");
  test::run(GetParam().command + " -O1 -fno-builtin " + scratch.write("a.c", kSource) + " -o " +
            path);
  const Table table = read_table(path);
  int stubs = 0;
  // "0000000000001030 <puts@plt>:"
  for (const std::string& line : test::lines_of(test::run("objdump -d " + path))) {
    const size_t end = line.find("@plt>:");
    if (end == std::string::npos || line.find("+0x") != std::string::npos)
      continue;
    const uint64_t address = std::stoull(line, nullptr, 16);
    const size_t start = line.find('<') + 1;
    const std::string name = line.substr(start, end - start);
    ++stubs;
    EXPECT_EQ(table.name_at(address), name.substr(0, name.find('@')) + "@plt") << line;
    EXPECT_EQ(table.name_at(address + 5), name.substr(0, name.find('@')) + "@plt") << line;
  }
  EXPECT_GE(stubs, 6);
  const auto symbol = table.find(table.image.find_section(".plt")->address.value);
  EXPECT_TRUE(!symbol || symbol->name.ends_with("@plt")) << symbol->name; // not `_init`
}

TEST(Plt, StubsOfAStaticProgramAreNamedAfterTheirResolvers) {
  const Scratch scratch;
  const std::string path = scratch.path("a");
  test::run("gcc -static -O1 -fno-builtin " + scratch.write("a.c", kSource) + " -o " + path);
  const Table table = read_table(path);
  const auto names = test::names_by_address(test::nm(path, ""));
  // "00000000004a40b8  0000000000000025 R_X86_64_IRELATIVE   4189c0"
  std::map<uint64_t, uint64_t> resolvers; // by slot
  for (const std::string& line : test::lines_of(test::run("readelf -rW " + path)))
    if (const size_t at = line.find("R_X86_64_IRELATIVE"); at != std::string::npos)
      resolvers[std::stoull(line, nullptr, 16)] = std::stoull(line.substr(at + 18), nullptr, 16);
  size_t stubs = 0;
  // "  401018:  ff 25 e2 2f 0a 00   jmp *0xa2fe2(%rip)  # 4a4000 <_GLOBAL_OFFSET_TABLE_+0x18>"
  for (const std::string& line : test::lines_of(test::run("objdump -d -j .plt " + path))) {
    const size_t at = line.find(" # ");
    if (at == std::string::npos || line.find("jmp") == std::string::npos)
      continue;
    const uint64_t slot = std::stoull(line.substr(at + 3), nullptr, 16);
    ASSERT_TRUE(resolvers.contains(slot)) << line;
    const std::string name = table.name_at(std::stoull(line, nullptr, 16));
    ++stubs;
    ASSERT_TRUE(name.ends_with("@plt")) << line << name;
    EXPECT_TRUE(names.at(resolvers[slot]).contains(name.substr(0, name.size() - 4))) << name;
  }
  EXPECT_GT(stubs, 10U);
}

} // namespace
} // namespace pprofd::symbolizer
