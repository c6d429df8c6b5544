#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "daemon/kernel/kernel_symbols.h"

namespace pprofd {
namespace {

using testing::HasSubstr;

// As the kernel prints it: modules behind the kernel, unsorted; BPF programs and trampolines last.
constexpr std::string_view kKallsyms = R"(0000000000000000 A fixed_percpu_data
0000000000001000 A irq_stack_backing_store
ffffffff81000000 T __pi__text
ffffffff81000000 T _text
ffffffff81000000 T _stext
ffffffff81000000 T startup_64
ffffffff81000100 t local_one
ffffffff81000100 T global_one_long
ffffffff81000100 T global_one
ffffffff81000100 W a
ffffffff81000200 T __pfx_do_work
ffffffff81000210 T do_work
ffffffff81000300 t do_work.cold
ffffffff81000400 T __irqentry_text_start
ffffffff81000400 t irq_work
ffffffff81001000 T _etext
ffffffff82000000 D table
ffffffff82000010 d lock
ffffffffc0500000 t nf_hook	[nf_tables]
ffffffffc0500100 T nf_register	[nf_tables]
ffffffffc0500180 d nf_data	[nf_tables]
ffffffffc0400000 t ext4_read	[ext4]
ffffffffc0400080 t ext4_write	[ext4]
ffffffffc0600000 t bpf_prog_6deef7357e7b4530_sd_fw_egress	[bpf]
ffffffffc0700000 t ftrace_trampoline	[__builtin__ftrace]
)";

class KernelSymbols : public testing::Test {
protected:
  KernelSymbols() {
    const std::string folder = testing::TempDir();
    const std::string name =
        testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(getpid());
    paths_ = {.kallsyms = folder + "/kallsyms_" + name, .kptr_restrict = folder + "/kptr_" + name};
    write(paths_.kallsyms, kKallsyms);
  }
  ~KernelSymbols() override {
    std::remove(paths_.kallsyms.c_str());
    std::remove(paths_.kptr_restrict.c_str());
  }
  static void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  KernelResolution resolve(std::vector<uint64_t> values) const {
    std::vector<ProcessAddress> addresses;
    for (const uint64_t value : values)
      addresses.push_back({value});
    return resolve_kernel_symbols(addresses, paths_);
  }
  // "name+offset [module]" or "?"
  std::string name_at(uint64_t address) const {
    const auto result = resolve({address});
    const auto& symbol = result.symbols.at(0);
    if (!symbol)
      return "?";
    std::ostringstream text;
    text << symbol->name << "+" << address - symbol->start.value;
    if (!symbol->module.empty())
      text << " [" << symbol->module << "]";
    return text.str();
  }
  KernelSymbolPaths paths_;
};

TEST_F(KernelSymbols, TheLastSymbolAtOrBeforeAnAddressNamesIt) {
  EXPECT_EQ(name_at(0xffffffff81000210), "do_work+0");
  EXPECT_EQ(name_at(0xffffffff810002ff), "do_work+239");
  EXPECT_EQ(name_at(0xffffffff81000300), "do_work.cold+0");
}

TEST_F(KernelSymbols, AmongAliasesGlobalOnesWinThenTheShortest) {
  EXPECT_EQ(name_at(0xffffffff81000100), "global_one+0");
}

TEST_F(KernelSymbols, MarkersGiveWayToFunctions) {
  EXPECT_EQ(name_at(0xffffffff81000001), "startup_64+1");
  EXPECT_EQ(name_at(0xffffffff81000401), "irq_work+1");
  EXPECT_EQ(name_at(0xffffffff81000205), "__pfx_do_work+5"); // nothing else stands there
}

TEST_F(KernelSymbols, ModulesBpfProgramsAndTrampolinesAreNamedWithTheirModule) {
  EXPECT_EQ(name_at(0xffffffffc0400010), "ext4_read+16 [ext4]");
  EXPECT_EQ(name_at(0xffffffffc0500010), "nf_hook+16 [nf_tables]");
  EXPECT_EQ(name_at(0xffffffffc0600020), "bpf_prog_6deef7357e7b4530_sd_fw_egress+32 [bpf]");
  EXPECT_EQ(name_at(0xffffffffc0700001), "ftrace_trampoline+1 [__builtin__ftrace]");
}

TEST_F(KernelSymbols, DataGapsAndStrayAddressesHaveNoName) {
  EXPECT_EQ(name_at(0xffffffff82000004), "?"); // table
  EXPECT_EQ(name_at(0xffffffff81001000), "?"); // behind the text
  EXPECT_EQ(name_at(0xffffffffc0500190), "?"); // nf_data
  EXPECT_EQ(name_at(0xffffffffc0f00000), "?"); // far behind the last
  EXPECT_EQ(name_at(0x1000), "?");
  EXPECT_EQ(name_at(0), "?");
  EXPECT_EQ(name_at(UINT64_MAX), "?");
}

TEST_F(KernelSymbols, ABatchIsAnsweredInItsOrderWithDoublesAndNeighbours) {
  const auto result = resolve({0xffffffffc0600020, 0xffffffff81000211, 0xffffffff81000212,
                               0xffffffff82000000, 0xffffffff81000211, 0xffffffffc0400001});
  std::vector<std::string> names;
  for (const auto& symbol : result.symbols)
    names.push_back(symbol ? symbol->name : "?");
  EXPECT_THAT(names, testing::ElementsAre("bpf_prog_6deef7357e7b4530_sd_fw_egress", "do_work",
                                          "do_work", "?", "do_work", "ext4_read"));
  EXPECT_EQ(result.failure, "");
}

TEST_F(KernelSymbols, AFunctionEndsWhereTheNextSymbolStarts) {
  const auto ends = [&](const std::vector<uint64_t>& addresses) {
    std::vector<uint64_t> all;
    for (const auto& symbol : resolve(addresses).symbols)
      all.push_back(symbol ? symbol->end.value : 0);
    return all;
  };
  EXPECT_THAT(ends({0xffffffff81000220}), testing::ElementsAre(0xffffffff81000300));
  // Of several at once each has its own; those in one function have the same.
  EXPECT_THAT(ends({0xffffffffc0400081, 0xffffffff81000001, 0xffffffff81000220, 0xffffffff81000230,
                    0xffffffffc0500101}),
              testing::ElementsAre(0xffffffffc0500000, 0xffffffff81000100, 0xffffffff81000300,
                                   0xffffffff81000300, 0xffffffffc0500180)); // data ends it too
  // Behind the last one it reaches as far as names are given.
  EXPECT_THAT(ends({0xffffffffc0700001}), testing::ElementsAre(0xffffffffc0800000));
}

TEST_F(KernelSymbols, TheTextIsFromStextToEtext) {
  const auto result = resolve({});
  ASSERT_TRUE(result.text);
  EXPECT_EQ(result.text->start.value, 0xffffffff81000000);
  EXPECT_EQ(result.text->end.value, 0xffffffff81001000);
}

TEST_F(KernelSymbols, HiddenAddressesAreSaidWithTheRemedy) {
  write(paths_.kallsyms, "0000000000000000 T _text\n0000000000000000 T do_work\n");
  write(paths_.kptr_restrict, "1\n");
  auto result = resolve({0xffffffff81000210});
  EXPECT_EQ(result.failure, "the kernel hides its addresses (kernel.kptr_restrict is 1)");
  EXPECT_THAT(result.hint, HasSubstr("CAP_SYSLOG"));
  ASSERT_EQ(result.symbols.size(), 1U);
  EXPECT_FALSE(result.symbols[0]);
  EXPECT_FALSE(result.text);
  write(paths_.kptr_restrict, "2\n");
  result = resolve({1});
  EXPECT_EQ(result.hint, "set kernel.kptr_restrict to 1 or 0");
}

TEST_F(KernelSymbols, AMissingOrOddFileIsSaidNotGuessed) {
  write(paths_.kallsyms, "not\na symbol\n\nffffffff81000000\nffffffff81000000 T\nzz T x\n");
  EXPECT_FALSE(resolve({0xffffffff81000000}).symbols[0]);
  paths_.kallsyms = "/nonexistent/kallsyms";
  EXPECT_EQ(resolve({1}).failure, "open /nonexistent/kallsyms: No such file or directory");
}

// The kernel of this machine: each function at its start and in its middle, against a plain search.
TEST(RealKernel, EveryTextSymbolNamesItself) {
  std::ifstream file("/proc/kallsyms");
  std::map<uint64_t, std::set<std::string>> text;
  std::set<uint64_t> all;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    uint64_t address = 0;
    char type = 0;
    std::string name;
    fields >> std::hex >> address >> type >> name;
    all.insert(address);
    if (address != 0 && std::string_view("tTwW").find(type) != std::string_view::npos)
      text[address].insert(name);
  }
  if (text.empty())
    GTEST_SKIP() << "this kernel hides its addresses (not root?)";
  std::vector<ProcessAddress> addresses;
  for (const auto& [address, names] : text)
    addresses.push_back({address});
  const auto result = resolve_kernel_symbols(addresses);
  size_t i = 0;
  for (const auto& [address, names] : text) {
    const auto& symbol = result.symbols[i++];
    if (names.contains("_etext"))
      continue;
    ASSERT_TRUE(symbol) << *names.begin();
    ASSERT_EQ(symbol->start.value, address);
    ASSERT_TRUE(names.contains(symbol->name)) << symbol->name;
  }
  ASSERT_TRUE(result.text);
  EXPECT_GT(result.text->end.value - result.text->start.value, 1'000'000U);
}

} // namespace
} // namespace pprofd
