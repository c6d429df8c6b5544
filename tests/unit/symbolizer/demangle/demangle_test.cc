#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "symbolizer/demangle/demangle.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using enum NameStyle;

struct Styles {
  std::string mangled;
  std::string full;
  std::string templates;
  std::string simple;
};
void PrintTo(const Styles& value, std::ostream* out) {
  *out << value.mangled;
}

class EveryStyle : public testing::TestWithParam<Styles> {};

TEST_P(EveryStyle, ReadsAsItShould) {
  const Styles& expected = GetParam();
  EXPECT_EQ(demangle(expected.mangled, kFull), expected.full);
  EXPECT_EQ(demangle(expected.mangled, kTemplates), expected.templates);
  EXPECT_EQ(demangle(expected.mangled, kSimple), expected.simple);
  EXPECT_EQ(demangle(expected.mangled, kNone), expected.mangled);
}

INSTANTIATE_TEST_SUITE_P(
    Names, EveryStyle,
    testing::Values(
        Styles{"main", "main", "main", "main"}, Styles{"", "", "", ""},
        Styles{"_Z", "_Z", "_Z", "_Z"},
        Styles{"malloc@plt", "malloc@plt", "malloc@plt", "malloc@plt"},
        Styles{"_Z3fooi@plt", "foo(int)@plt", "foo@plt", "foo@plt"},
        Styles{"_Z3fooi.isra.0", "foo(int) (.isra.0)", "foo", "foo"},
        Styles{"_ZN1A1fEv", "A::f()", "A::f", "A::f"},
        Styles{"_ZN12_GLOBAL__N_11fEi", "(anonymous namespace)::f(int)", "(anonymous namespace)::f",
               "(anonymous namespace)::f"},
        Styles{"_ZNSt6vectorIiSaIiEE9push_backEOi",
               "std::vector<int, std::allocator<int>>::push_back(int&&)",
               "std::vector<int, std::allocator<int>>::push_back", "std::vector::push_back"},
        Styles{"_Z5twiceIdET_S0_", "double twice<double>(double)", "twice<double>", "twice"},
        Styles{"_ZlsR1AS0_", "operator<<(A&, A&)", "operator<<", "operator<<"},
        Styles{"_ZlsIiEvR1AT_", "void operator<<<int>(A&, int)", "operator<<<int>", "operator<<"},
        Styles{"_ZltRK1AS1_", "operator<(A const&, A const&)", "operator<", "operator<"},
        Styles{"_ZltIiEbT_S0_", "bool operator<<int>(int, int)", "operator<<int>", "operator<"},
        Styles{"_ZNK1AptEv", "A::operator->() const", "A::operator->", "A::operator->"},
        Styles{"_ZN1AclEi", "A::operator()(int)", "A::operator()", "A::operator()"},
        Styles{"_ZN1AcvbEv", "A::operator bool()", "A::operator bool", "A::operator bool"},
        Styles{"_ZZ4mainENKUliE_clEi", "main::'lambda'(int)::operator()(int) const",
               "main::'lambda'::operator()", "main::'lambda'::operator()"},
        Styles{"_ZZN1A1fEiENKUlT_E_clIiEEDaS0_",
               "auto A::f(int)::'lambda'(auto)::operator()<int>(auto) const",
               "A::f::'lambda'::operator()<int>", "A::f::'lambda'::operator()"},
        Styles{"_ZNK1A1gEvENKUlvE_clEv.cold", "_ZNK1A1gEvENKUlvE_clEv.cold",
               "_ZNK1A1gEvENKUlvE_clEv.cold", "_ZNK1A1gEvENKUlvE_clEv.cold"},
        Styles{"_ZN1AD2Ev", "A::~A()", "A::~A", "A::~A"},
        Styles{"_ZTV1A", "vtable for A", "vtable for A", "vtable for A"},
        Styles{"_ZThn16_N1A1fEv", "non-virtual thunk to A::f()", "non-virtual thunk to A::f()",
               "non-virtual thunk to A::f()"},
        Styles{"_ZN1A1fB5cxx11Ei", "A::f[abi:cxx11](int)", "A::f[abi:cxx11]", "A::f[abi:cxx11]"},
        Styles{"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write", "core::fmt::write",
               "core::fmt::write"},
        Styles{"_ZN4core3fmt5write17h0123456789abcdefE.llvm.123", "core::fmt::write",
               "core::fmt::write", "core::fmt::write"},
        Styles{"_ZN63_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..clone..Clone$GT$5clone17h"
               "0123456789abcdefE",
               "<alloc::vec::Vec<T> as core::clone::Clone>::clone",
               "<alloc::vec::Vec<T> as core::clone::Clone>::clone",
               "<alloc::vec::Vec<T> as core::clone::Clone>::clone"},
        Styles{"_RINvMNtCsgEmfK2I1SDS_4core3stre18trim_start_matchesReECsgY6Mt91CT9J_14rustc_"
               "demangle",
               "<str>::trim_start_matches::<&str>", "<str>::trim_start_matches::<&str>",
               "<str>::trim_start_matches"},
        Styles{"_RINvMNtCsgEmfK2I1SDS_4core6optionINtB3_6OptionRINtNtB5_4cell4CellhEE3zipBI_"
               "ECsfEOYDRpO4Ta_11miniz_oxide",
               "<core::option::Option<&core::cell::Cell<u8>>>::zip::<&core::cell::Cell<u8>>",
               "<core::option::Option<&core::cell::Cell<u8>>>::zip::<&core::cell::Cell<u8>>",
               "<core::option::Option<&core::cell::Cell<u8>>>::zip"}),
    [](const auto& instance) { return "n" + std::to_string(instance.index); });

TEST(Rust, GenericArgumentsGoButPathsStay) {
  EXPECT_EQ(shorten_rust("a::f::<T, u8>"), "a::f");
  EXPECT_EQ(shorten_rust("core::ptr::drop_in_place<alloc::string::String>"),
            "core::ptr::drop_in_place");
  EXPECT_EQ(shorten_rust("<a::T as b::U>::f::<c::V<i32>>"), "<a::T as b::U>::f");
  EXPECT_EQ(shorten_rust("core::fmt::num::<impl core::fmt::Debug for u32>::fmt"),
            "core::fmt::num::<impl core::fmt::Debug for u32>::fmt");
  EXPECT_EQ(shorten_rust("a::f::<fn(u8) -> u8>::{closure#0}"), "a::f::{closure#0}");
  EXPECT_EQ(shorten_rust("<"), "<");
  EXPECT_EQ(shorten_rust("a<b"), "a");
}

TEST(Cxx, ShorteningTakesAnyText) {
  for (const std::string_view text : {"", "(", ")", "<", ">", "a<", "a(", "a(b", "a<b>c(",
                                      "operator", "operator<", "x::operator(", "f()::", "a>b<c)d("})
    for (const bool templates : {false, true})
      EXPECT_LE(shorten_cxx(text, templates).size(), text.size()) << text;
  EXPECT_EQ(shorten_cxx("cooperator<int>::f", false), "cooperator::f");
}

// All names of a library that look mangled.
std::vector<std::string> mangled_names(const std::string& path) {
  std::set<std::string> names;
  for (const auto& symbol : test::nm(path, "-D"))
    if (symbol.name.starts_with("_Z"))
      names.insert(symbol.name);
  return {names.begin(), names.end()};
}

class Agreement : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Libraries, Agreement,
                         testing::Values("libstdc++.so.6", "libLLVM.so.19.1", "libprotobuf.so.32"),
                         [](const auto& instance) {
                           return instance.param.substr(0, instance.param.find_first_of(".+"));
                         });

TEST_P(Agreement, EveryNameReadsAsLlvmPrintsIt) {
  const std::string path = "/usr/lib/x86_64-linux-gnu/" + GetParam();
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no " << path;
  const auto names = mangled_names(path);
  ASSERT_GT(names.size(), 1000U);
  std::string text;
  for (const std::string& name : names)
    text += name + "\n";
  const test::Scratch scratch;
  const auto theirs =
      test::lines_of(test::run("llvm-cxxfilt-19 < " + scratch.write("names", text)));
  ASSERT_EQ(theirs.size(), names.size());
  for (size_t i = 0; i < names.size(); ++i)
    ASSERT_EQ(demangle(names[i], kFull), theirs[i]) << names[i];
}

// What the styles take away, no more: the shortened name stands in the full one.
TEST_P(Agreement, TheNameWithoutParametersIsPartOfTheWholeOne) {
  const std::string path = "/usr/lib/x86_64-linux-gnu/" + GetParam();
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no " << path;
  size_t checked = 0;
  for (const std::string& name : mangled_names(path)) {
    const std::string full = demangle(name, kFull);
    const std::string templates = demangle(name, kTemplates);
    const std::string simple = demangle(name, kSimple);
    ASSERT_FALSE(simple.empty()) << name;
    ASSERT_LE(simple.size(), templates.size()) << name;
    ASSERT_LE(templates.size(), full.size()) << name;
    if (full.find("'lambda") != std::string::npos)
      continue; // stands within a function whose parameters go too
    ++checked;
    ASSERT_NE(full.find(templates), std::string::npos) << full << "\n" << templates;
    if (simple.find("operator") == std::string::npos && !simple.starts_with("vtable") &&
        !simple.starts_with("typeinfo") && simple == templates)
      continue;
    if (name.starts_with("_ZT") || name.starts_with("_ZG"))
      continue; // no function
    if (simple.find("operator") == std::string::npos) {
      ASSERT_EQ(simple.find('<'), std::string::npos) << full << "\n" << simple;
    }
  }
  EXPECT_GT(checked, 1000U);
}

TEST(Limits, LongNamesStayMangledAndDeepOnesDoNotOverflowTheStack) {
  const std::string deep = "_Z1f" + std::string(4000, 'P') + "i";
  EXPECT_NE(demangle(deep, kFull), deep);
  const std::string longer = "_Z1f" + std::string(5000, 'P') + "i";
  EXPECT_EQ(demangle(longer, kFull), longer);
  for (const std::string_view piece :
       {"Z", "F", "I", "1AI", "N", "X", "K", "DT", "cl", "il", "J"}) {
    std::string name = "_Z";
    while (name.size() + piece.size() <= kMaxMangled)
      name += piece;
    demangle(name, kFull);
    demangle(name, kSimple);
    std::string rust = "_R";
    while (rust.size() + piece.size() <= kMaxMangled)
      rust += piece;
    demangle(rust, kFull);
  }
}

TEST(Limits, ANameThatExpandsIsCutAndMarked) {
  const std::string full = demangle(test::exploding_name(16), kFull);
  EXPECT_EQ(full.size(), kMaxDemangled);
  EXPECT_TRUE(full.starts_with("f(A<int, int>, B<A<int, int>, A<int, int>>"));
  EXPECT_TRUE(full.ends_with("..."));
}

} // namespace
} // namespace pprofd::symbolizer
