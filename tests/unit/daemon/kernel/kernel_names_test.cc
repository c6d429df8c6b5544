#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string_view>

#include "daemon/kernel/kernel_names.h"

namespace pprofd {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kKept = std::chrono::nanoseconds(KernelNames::kKept).count();
constexpr uint64_t kWork = 0xffffffff81000100;
constexpr uint64_t kProgram = 0xffffffffc0600000;

class KernelNamesTest : public testing::Test {
protected:
  ~KernelNamesTest() override { std::remove(paths_.kallsyms.c_str()); }

  void write_symbols(std::string_view text) const { std::ofstream(paths_.kallsyms) << text; }
  // "?" where there is none.
  std::string name_at(uint64_t address, uint64_t now) {
    const ProcessAddress asked{address};
    names_.add({&asked, 1}, now);
    const KernelSymbol* symbol = names_.find(address);
    return symbol == nullptr ? "?" : symbol->name;
  }

  KernelSymbolPaths paths_{.kallsyms = testing::TempDir() + "/kernel_names_test_" +
                                       std::to_string(getpid()),
                           .kptr_restrict = "/dev/null"};
  KernelNames names_{paths_};
};

constexpr std::string_view kBefore = R"(ffffffff81000000 T _stext
ffffffff81000100 T work
ffffffff81000200 T rest
ffffffff81001000 T _etext
ffffffffc0600000 t bpf_prog_1_old	[bpf]
)";
constexpr std::string_view kAfter = R"(ffffffff81000000 T _stext
ffffffff81000100 T other
ffffffff81000200 T rest
ffffffff81001000 T _etext
ffffffffc0600000 t bpf_prog_2_new	[bpf]
)";

TEST_F(KernelNamesTest, AFunctionThatIsKnownIsNotLookedUpAgain) {
  write_symbols(kBefore);
  EXPECT_EQ(name_at(kWork, kSecond), "work");
  write_symbols(kAfter);
  EXPECT_EQ(name_at(kWork + 8, 2 * kSecond), "work");
  EXPECT_EQ(name_at(kWork, 2 * kSecond + 2 * kKept), "work"); // the kernel itself does not change
}

TEST_F(KernelNamesTest, AnotherProgramAtTheSameAddressGetsItsOwnName) {
  write_symbols(kBefore);
  ASSERT_EQ(name_at(kProgram + 1, kKept), "bpf_prog_1_old");
  write_symbols(kAfter);
  EXPECT_EQ(name_at(kProgram + 1, 2 * kKept - 1), "bpf_prog_1_old");
  EXPECT_EQ(name_at(kProgram + 1, 2 * kKept), "bpf_prog_2_new");
}

TEST_F(KernelNamesTest, WhatHadNoNameIsAskedForAgain) {
  write_symbols(kBefore);
  ASSERT_EQ(name_at(kWork - 0x1000, kKept), "?");
  write_symbols("ffffffff80fff000 T _stext\nffffffff80fff000 T early\nffffffff81001000 T _etext\n");
  EXPECT_EQ(name_at(kWork - 0x1000, 2 * kKept), "early");
}

TEST_F(KernelNamesTest, TheSpanOfAModuleIsThePagesSeenOfIt) {
  write_symbols(kBefore);
  name_at(kProgram + 1, kSecond);
  name_at(kProgram + 0x1fff, kSecond);
  EXPECT_EQ(names_.span_of("bpf").start, kProgram);
  EXPECT_EQ(names_.span_of("bpf").limit, kProgram + 0x2000);
  name_at(kWork, kSecond);
  EXPECT_EQ(names_.span_of("").start, 0xffffffff81000000);
  EXPECT_EQ(names_.span_of("").limit, 0xffffffff81001000);
}

TEST_F(KernelNamesTest, AFailureIsTold) {
  EXPECT_EQ(name_at(kWork, kSecond), "?");
  EXPECT_NE(names_.failure().find(paths_.kallsyms), std::string::npos);
}

} // namespace
} // namespace pprofd
