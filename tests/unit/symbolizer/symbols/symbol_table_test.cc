// Against nm and eu-addr2line, on programs of two compilers and on the libraries of this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>

#include "symbolizer/symbols/symbol_table.h"
#include "tests/unit/symbolizer/support/table.h"

namespace pprofd::symbolizer {
namespace {

using test::read_table;
using test::Scratch;
using test::Table;

constexpr std::string_view kSource = R"(
extern "C" int puts(const char*);
extern "C" int printf(const char*, ...);
extern "C" int atoi(const char*);
namespace {
__attribute__((noinline)) int hidden(int x) { puts("hidden"); return x * 3 + 1; }
}
template <typename T> __attribute__((noinline)) T twice(T x) { puts("twice"); return x + x; }
struct Shape {
  Shape();
  virtual ~Shape();
  virtual double area() const = 0;
};
__attribute__((noinline)) Shape::Shape() { puts("shape"); }
__attribute__((noinline)) Shape::~Shape() { puts("gone"); }
struct Square : Shape { double area() const override { puts("area"); return 4; } };
struct Far { int distance; ~Far() { puts("near"); } };
extern "C" __attribute__((weak, noinline)) int weak_one(int x) {
  if (x > 1000) throw Far{x};
  return x;
}
extern "C" int main(int argc, char** argv) {
  int sum = 0;
  try {
    for (int i = 0; i < argc; ++i) sum += hidden(weak_one(atoi(argv[i])));
  } catch (const Far& far) { sum += far.distance; }
  Square square;
  Shape* shape = &square;
  asm volatile("" : "+r"(shape));
  auto print = [&](auto x) __attribute__((noinline)) { printf("%f %d", double(x), sum); };
  print(shape->area());
  print(twice(argc));
  print(twice(1.5));
  return sum;
}
)";

// Each address that nm names has one of nm's names, at its first and at its last byte.
void expect_as_nm(const Table& table, const std::vector<test::NmSymbol>& symbols) {
  const auto names = test::names_by_address(symbols);
  for (const test::NmSymbol& symbol : symbols) {
    const auto found = table.find(symbol.address);
    ASSERT_TRUE(found) << symbol.name;
    ASSERT_EQ(found->start.value, symbol.address) << symbol.name;
    ASSERT_TRUE(names.at(symbol.address).contains(found->name)) << symbol.name << found->name;
    if (symbol.size == 0)
      continue;
    const auto last = table.find(symbol.address + symbol.size - 1);
    ASSERT_TRUE(last) << symbol.name;
    ASSERT_GE(last->start.value, symbol.address) << symbol.name;
  }
}

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
    test::run(GetParam().command + " -O2 " + scratch_.write("a.cc", kSource) + " -o " + path_);
  }
  Scratch scratch_;
  std::string path_ = scratch_.path("a");
};

INSTANTIATE_TEST_SUITE_P(Symbols, EveryFlavour,
                         testing::Values(Flavour{"gcc_pie", "g++ -pie"},
                                         Flavour{"gcc_fixed", "g++ -no-pie"},
                                         Flavour{"gcc_static", "g++ -static"},
                                         Flavour{"gcc_shared", "g++ -shared -fPIC"},
                                         Flavour{"clang_pie", "clang++-19 -pie"},
                                         Flavour{"clang_lld", "clang++-19 -fuse-ld=lld"}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(EveryFlavour, EveryFunctionOfNmIsFound) {
  const auto symbols = test::nm(path_, "");
  EXPECT_GT(symbols.size(), 15U);
  const Table table = read_table(path_);
  expect_as_nm(table, symbols);
  EXPECT_EQ(table.notes(), "");
}

TEST_P(EveryFlavour, AStrippedFileKeepsItsDynamicNames) {
  test::run("strip " + path_);
  const Table table = read_table(path_);
  if (GetParam().name == "gcc_static") {
    EXPECT_EQ(table.symbols.count(SymbolOrigin::kDynsym), 0U);
    return;
  }
  const auto symbols = test::nm(path_, "-D");
  expect_as_nm(table, symbols);
  EXPECT_EQ(table.symbols.count(SymbolOrigin::kSymtab), 0U);
}

// As distributions make it: the functions .dynsym does not name, in an xz stream.
void add_debugdata(const Scratch& scratch, const std::string& path) {
  const std::string debug = scratch.path("debugdata");
  test::run("objcopy --only-keep-debug " + path + " " + debug + " && strip -g " + debug + " -o " +
            debug + ".s && xz -k " + debug + ".s && strip " + path +
            " && objcopy --add-section .gnu_debugdata=" + debug + ".s.xz " + path);
}

TEST_P(EveryFlavour, DebugdataNamesWhatStrippingTookAway) {
  const auto symbols = test::nm(path_, "");
  add_debugdata(scratch_, path_);
  const Table table = read_table(path_);
  expect_as_nm(table, symbols);
  EXPECT_GT(table.symbols.count(SymbolOrigin::kDebugdata), 15U);
  EXPECT_EQ(table.symbols.count(SymbolOrigin::kSymtab), 0U);
  EXPECT_EQ(table.notes(), "");
}

TEST_P(EveryFlavour, DebugdataReadsAsElfutilsReadsIt) {
  if (GetParam().name == "gcc_static")
    return; // elfutils does not look into static programs
  const auto symbols = test::nm(path_, "");
  add_debugdata(scratch_, path_);
  const Table table = read_table(path_);
  std::ostringstream addresses;
  for (const auto& symbol : symbols)
    addresses << " 0x" << std::hex << symbol.address;
  const auto lines = test::lines_of(test::run("eu-addr2line -f -e " + path_ + addresses.str()));
  ASSERT_EQ(lines.size(), 2 * symbols.size());
  const auto names = test::names_by_address(symbols);
  size_t same = 0;
  for (size_t i = 0; i < symbols.size(); ++i) {
    // Which alias elfutils takes is its own affair.
    const std::string theirs = lines[2 * i].substr(0, lines[2 * i].find('@', 1));
    const bool alias = names.at(symbols[i].address).contains(theirs);
    same += alias;
    EXPECT_TRUE(alias || theirs == "??") << theirs;
    EXPECT_TRUE(names.at(symbols[i].address).contains(table.name_at(symbols[i].address)));
  }
  EXPECT_GT(same, symbols.size() * 9 / 10);
}

class SystemLibrary : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Symbols, SystemLibrary,
                         testing::Values("libc.so.6", "libstdc++.so.6", "libprotobuf.so.32",
                                         "libLLVM.so.19.1", "libcrypto.so.3"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::ranges::replace_if(
                               name, [](char c) { return std::isalnum(c) == 0; }, '_');
                           return name;
                         });

TEST_P(SystemLibrary, EveryDynamicFunctionOfNmIsFound) {
  const std::string path = "/usr/lib/x86_64-linux-gnu/" + GetParam();
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no " << path;
  const auto symbols = test::nm(path, "-D");
  EXPECT_GT(symbols.size(), 1000U);
  expect_as_nm(read_table(path), symbols);
}

// Symbols by hand, in assembler.
class Assembled : public testing::Test {
protected:
  Table assemble(const std::string& text, const std::string& options = "-shared") {
    const std::string path = scratch_.path("a.so");
    test::run("gcc -nostdlib " + options + " " + scratch_.write("a.s", text) + " -o " + path);
    for (const auto& symbol : test::nm(path, ""))
      addresses_[symbol.name] = symbol.address;
    return read_table(path);
  }
  uint64_t at(const std::string& name) const { return addresses_.at(name); }

private:
  Scratch scratch_;
  std::map<std::string, uint64_t> addresses_;
};

TEST_F(Assembled, AmongAliasesBindingDecidesThenTheShortestThenTheFirstInByteOrder) {
  const Table table = assemble(R"(
    .text
    .type loc, @function
    .type weak_a, @function
    .weak weak_a
    .type global_long, @function
    .globl global_long
    .type global_b, @function
    .globl global_b
    .type global_a, @function
    .globl global_a
    loc: weak_a: global_long: global_b: global_a:
    .fill 16, 1, 0x90
    .size loc, 16; .size weak_a, 16; .size global_long, 16; .size global_b, 16; .size global_a, 16
    .type l2, @function
    .type weak_long, @function
    .weak weak_long
    l2: weak_long:
    .fill 16, 1, 0x90
    .size l2, 16; .size weak_long, 16
  )");
  EXPECT_EQ(table.name_at(at("loc")), "global_a");
  EXPECT_EQ(table.name_at(at("loc") + 15), "global_a");
  EXPECT_EQ(table.name_at(at("l2")), "weak_long");
}

TEST_F(Assembled, SizelessSymbolsReachToTheNextOneOrTheEndOfTheirSection) {
  const Table table = assemble(R"(
    .text
    .globl first
    first: .fill 32, 1, 0x90
    .globl second
    second: .fill 24, 1, 0x90
    .section .other, "ax"
    .globl third
    .p2align 6
    third: .fill 8, 1, 0x90
  )");
  EXPECT_EQ(table.name_at(at("first")), "first");
  EXPECT_EQ(table.name_at(at("first") + 31), "first");
  EXPECT_EQ(table.name_at(at("second")), "second");
  EXPECT_EQ(table.name_at(at("second") + 23), "second");
  EXPECT_EQ(table.name_at(at("second") + 24), "?");
  EXPECT_EQ(table.name_at(at("third") + 7), "third");
  EXPECT_EQ(table.name_at(at("third") + 8), "?");
}

TEST_F(Assembled, LabelsWithoutSizeDoNotCutTheFunctionAroundThem) {
  const Table table = assemble(R"(
    .text
    .globl outer
    .type outer, @function
    outer: .fill 16, 1, 0x90
    label: .fill 16, 1, 0x90
    .size outer, 32
    .globl after
    after: .fill 16, 1, 0x90
  )");
  EXPECT_EQ(table.name_at(at("label")), "outer");
  EXPECT_EQ(table.name_at(at("outer") + 31), "outer");
  EXPECT_EQ(table.name_at(at("after")), "after");
}

TEST_F(Assembled, AFunctionWithinAnotherKeepsBoth) {
  const Table table = assemble(R"(
    .text
    .globl outer
    .type outer, @function
    outer: .fill 16, 1, 0x90
    .globl inner
    .type inner, @function
    inner: .fill 16, 1, 0x90
    .size inner, 16
    .fill 16, 1, 0x90
    .size outer, 48
    .fill 16, 1, 0x90
  )");
  EXPECT_EQ(table.name_at(at("outer") + 15), "outer");
  EXPECT_EQ(table.name_at(at("inner")), "inner");
  EXPECT_EQ(table.name_at(at("inner") + 16), "outer");
  EXPECT_EQ(table.name_at(at("outer") + 48), "?");
}

TEST_F(Assembled, MappingSymbolsMarkersDataAndAbsoluteSymbolsAreNoFunctions) {
  const Table table = assemble(R"(
    .text
    $x: $d.1: .annobin_start:
    .fill 16, 1, 0x90
    .globl function
    .type function, @function
    function: .fill 16, 1, 0x90
    .size function, 16
    .globl object
    .type object, @object
    object: .fill 16, 1, 0
    .size object, 16
    .globl absolute
    .set absolute, 0x1008
    .data
    .globl datum
    datum: .quad 1
  )");
  EXPECT_EQ(table.name_at(at("function") - 16), "?");
  EXPECT_EQ(table.name_at(at("function")), "function");
  EXPECT_EQ(table.name_at(at("function") + 16), "?");
  EXPECT_EQ(table.symbols.size(), 1U);
}

TEST_F(Assembled, VersionsAreNotPartOfAName) {
  const Scratch scratch;
  const std::string versions = scratch.write("versions", "VERS_2 { global: copy; };");
  const Table table = assemble(R"(
    .text
    .globl copy_new
    .type copy_new, @function
    copy_new: .fill 16, 1, 0x90
    .size copy_new, 16
    .symver copy_new, copy@@VERS_2, remove
  )",
                               "-shared -Wl,--version-script=" + versions);
  ASSERT_EQ(table.symbols.size(), 1U);
  EXPECT_EQ(table.name_at(at("copy")), "copy");
}

TEST_F(Assembled, IndirectFunctionsAreFunctions) {
  const Table table = assemble(R"(
    .text
    .globl chosen
    .type chosen, @gnu_indirect_function
    chosen: .fill 16, 1, 0x90
    .size chosen, 16
  )");
  EXPECT_EQ(table.name_at(at("chosen") + 1), "chosen");
}

TEST(SymbolNames, AVersionEndsAName) {
  EXPECT_EQ(without_version("memcpy@@GLIBC_2.14"), "memcpy");
  EXPECT_EQ(without_version("memcpy@GLIBC_2.2.5"), "memcpy");
  EXPECT_EQ(without_version("@odd"), "@odd");
  EXPECT_EQ(without_version("plain"), "plain");
}

} // namespace
} // namespace pprofd::symbolizer
