#include <elf.h>
#include <gtest/gtest.h>

#include <array>

#include "daemon/inspect/lines.h"

namespace pprofd {
namespace {

unwind_rule rule_of(int32_t offset) {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_SP;
  rule.cfa_offset = offset;
  rule.ra_offset = -8;
  return rule;
}

class Lines : public testing::Test {
protected:
  std::string written_;
  size_t calls_ = 0;
  size_t room_ = SIZE_MAX;
  TextSink sink_ = [this](std::string_view text) -> Result<void> {
    ++calls_;
    if (written_.size() + text.size() > room_)
      return fail("write", "full");
    written_ += text;
    return {};
  };
  LineBuffer buffer_{sink_};
};

TEST_F(Lines, RowsKnowTheRulesOfEarlierBatches) {
  RowLines lines(buffer_);
  const std::array<unwind_rule, 2> rules = {rule_of(8), rule_of(16)};
  const std::array<uint32_t, 2> first = {0, 1};
  const std::array<uint16_t, 2> first_rules = {0, 1};
  EXPECT_TRUE(lines.add({.machine = EM_X86_64,
                         .base = {0x1000},
                         .addresses = first,
                         .rules = first_rules,
                         .new_rules = rules}));
  const std::array<uint32_t, 2> second = {2, 9};
  const std::array<uint16_t, 2> second_rules = {0, 2};
  const std::array<unwind_rule, 1> gap = {unwind_rule{}};
  EXPECT_TRUE(lines.add({.machine = EM_X86_64,
                         .base = {0x1000},
                         .addresses = second,
                         .rules = second_rules,
                         .new_rules = gap}));
  ASSERT_TRUE(buffer_.finish());
  EXPECT_EQ(written_, "0000000000001000 rsp+8 u c-8\n0000000000001001 rsp+16 u c-8\n"
                      "0000000000001002 rsp+8 u c-8\n0000000000001009 none\n");
}

TEST_F(Lines, MergedPairsAreTwoRows) {
  RowLines lines(buffer_);
  std::array<unwind_rule, 1> rules = {rule_of(8)};
  rules[0].merge_at = 1;
  rules[0].merge_delta = 8;
  const std::array<uint32_t, 1> addresses = {0};
  const std::array<uint16_t, 1> indexes = {0};
  EXPECT_TRUE(lines.add({.machine = EM_X86_64,
                         .base = {0x1000},
                         .addresses = addresses,
                         .rules = indexes,
                         .new_rules = rules}));
  ASSERT_TRUE(buffer_.finish());
  EXPECT_EQ(written_, "0000000000001000 rsp+8 u c-8\n0000000000001001 rsp+16 u c-8\n");
}

TEST_F(Lines, SymbolsNameTheirSource) {
  const std::vector<symbolizer::SymbolSource> sources = {{.name = ".symtab", .symbols = 1}};
  SymbolLines lines(buffer_, sources);
  EXPECT_TRUE(lines.add({.start = {0x1000}, .size = 16, .source = 0, .name = "a::b(int, char)"}));
  EXPECT_TRUE(lines.add({.start = {0x1010}, .size = 0, .source = 7, .name = "c"}));
  ASSERT_TRUE(buffer_.finish());
  EXPECT_EQ(written_, "0000000000001000 0000000000000010 .symtab a::b(int, char)\n"
                      "0000000000001010 0000000000000000 ? c\n");
}

TEST_F(Lines, AFailureIsTheLastCallAndIsToldOnce) {
  room_ = 100'000;
  const std::vector<symbolizer::SymbolSource> sources;
  SymbolLines lines(buffer_, sources);
  size_t taken = 0;
  while (taken < 1'000'000 && lines.add({.start = {taken}, .size = 1, .source = 0, .name = "f"}))
    ++taken;
  EXPECT_LT(taken, 10'000U);
  const size_t calls = calls_;
  EXPECT_FALSE(lines.add({.start = {taken}, .size = 1, .source = 0, .name = "f"}));
  const auto done = buffer_.finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().why, "full");
  EXPECT_EQ(calls_, calls);
}

} // namespace
} // namespace pprofd
