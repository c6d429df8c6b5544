#include <gtest/gtest.h>

#include <map>

#include "daemon/unwind/tables/rule_set.h"
#include "tests/unit/daemon/unwind/tables/made_rows.h"

namespace pprofd::test {
namespace {

class Rules : public testing::Test {
protected:
  [[nodiscard]] int32_t written(uint32_t index) const { return kernel_.at(index).cfa_offset; }

  std::map<uint32_t, unwind_rule> kernel_;
  bool kernel_takes_it_ = true;
  RuleSet rules_{[this](uint32_t index, const unwind_rule& rule) {
    if (kernel_takes_it_)
      kernel_[index] = rule;
    return kernel_takes_it_;
  }};
};

TEST_F(Rules, TheSameRuleHasOneIndex) {
  const auto first = rules_.use(rule_of(1));
  const auto other = rules_.use(rule_of(2));
  EXPECT_NE(first, other);
  EXPECT_EQ(rules_.use(rule_of(1)), first);
  EXPECT_EQ(rules_.size(), 2U);
  EXPECT_EQ(written(*first), rule_of(1).cfa_offset);
  EXPECT_EQ(written(*other), rule_of(2).cfa_offset);
}

TEST_F(Rules, StayWithTheirLastUser) {
  const auto index = rules_.use(rule_of(1));
  rules_.use(rule_of(1));
  rules_.release(*index);
  EXPECT_EQ(rules_.size(), 1U);
  EXPECT_EQ(rules_.use(rule_of(1)), index);
  rules_.release(*index);
  rules_.release(*index);
  EXPECT_EQ(rules_.size(), 0U);
}

TEST_F(Rules, AnIndexIsNotGivenAwayBeforeItSettled) {
  const auto index = rules_.use(rule_of(1));
  rules_.release(*index);
  EXPECT_NE(rules_.use(rule_of(2)), index);
  EXPECT_EQ(written(*index), rule_of(1).cfa_offset);
  rules_.settle();
  EXPECT_EQ(rules_.use(rule_of(3)), index);
  EXPECT_EQ(written(*index), rule_of(3).cfa_offset);
}

TEST_F(Rules, AsManyAsTheMapHoldsAndNoMore) {
  for (uint32_t number = 0; number < PPROFD_MAX_RULES; ++number)
    ASSERT_EQ(rules_.use(rule_of(number)), number);
  EXPECT_EQ(rules_.use(rule_of(PPROFD_MAX_RULES)), std::nullopt);
  EXPECT_EQ(rules_.use(rule_of(5)), 5);
  rules_.release(7);
  EXPECT_EQ(rules_.use(rule_of(PPROFD_MAX_RULES)), std::nullopt);
  rules_.settle();
  EXPECT_EQ(rules_.use(rule_of(PPROFD_MAX_RULES)), 7);
}

TEST_F(Rules, OneThatTheKernelRefusesTakesNoRoom) {
  kernel_takes_it_ = false;
  EXPECT_EQ(rules_.use(rule_of(1)), std::nullopt);
  EXPECT_EQ(rules_.size(), 0U);
  kernel_takes_it_ = true;
  EXPECT_EQ(rules_.use(rule_of(1)), 0);
}

} // namespace
} // namespace pprofd::test
