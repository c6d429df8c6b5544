// Where functions start, against nm's answer of before the file was stripped.
#include <gtest/gtest.h>

#include "symbolizer/unwind/function_starts.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer::test {
namespace {

using pprofd::test::NmSymbol;
using pprofd::test::Scratch;

constexpr std::string_view kProgram = R"(
__attribute__((noinline)) int first(int n) { return n * 3; }
__attribute__((noinline)) static int second(int n) { return first(n) - 7; }
__attribute__((noinline)) int third(int n) { return second(n) + second(n + 1); }
int main(int argc, char **argv) { (void)argv; return third(argc); }
)";

FunctionStarts starts_of(const std::string& path) {
  const Fd fd = pprofd::test::open_file(path);
  const auto source = ByteSource::of_file(fd.get());
  return FunctionStarts::read(*source, *ElfImage::open(*source));
}

TEST(FunctionStarts, EachAddressOfAFunctionLeadsToItsStart) {
  const Scratch scratch;
  const std::string program = scratch.path("program");
  pprofd::test::run("gcc -O1 -x c -o " + program + " " + scratch.write("program.c", kProgram));
  const std::vector<NmSymbol> symbols = pprofd::test::nm(program, "");
  pprofd::test::run("strip -s " + program);
  const FunctionStarts starts = starts_of(program);
  EXPECT_GE(starts.size(), 4U);
  size_t checked = 0;
  for (const NmSymbol& symbol : symbols) {
    if (symbol.name != "first" && symbol.name != "second" && symbol.name != "third" &&
        symbol.name != "main")
      continue;
    ++checked;
    for (uint64_t at = symbol.address; at < symbol.address + symbol.size; ++at)
      EXPECT_EQ(starts.at({at}), ElfAddress{symbol.address}) << symbol.name;
  }
  EXPECT_EQ(checked, 4U);
  EXPECT_EQ(starts.at({0}), std::nullopt);
  EXPECT_EQ(starts.at({UINT64_MAX}), std::nullopt);
}

TEST(FunctionStarts, AFileWithoutATableHasNone) {
  const Scratch scratch;
  const std::string program = scratch.path("program");
  pprofd::test::run("gcc -O1 -Wl,--no-eh-frame-hdr -x c -o " + program + " " +
                    scratch.write("program.c", kProgram));
  EXPECT_EQ(starts_of(program).size(), 0U);
}

TEST(FunctionStarts, ATableThatIsCutGivesNothingWrong) {
  const Scratch scratch;
  const std::string program = scratch.path("program");
  pprofd::test::run("gcc -O1 -x c -o " + program + " " + scratch.write("program.c", kProgram));
  const std::string whole = pprofd::test::read_file(program);
  for (size_t size = 64; size < whole.size(); size += 97) {
    const std::string bytes = whole.substr(0, size);
    const auto source = ByteSource::of_memory(std::as_bytes(std::span(bytes)));
    const auto image = ElfImage::open(source);
    const size_t starts = image ? FunctionStarts::read(source, *image).size() : 0;
    EXPECT_LE(starts, 64U);
  }
}

} // namespace
} // namespace pprofd::symbolizer::test
