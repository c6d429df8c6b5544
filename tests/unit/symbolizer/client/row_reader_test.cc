#include <gtest/gtest.h>

#include "symbolizer/client/row_reader.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/protocol/unwind_tables.h"

namespace pprofd::symbolizer {
namespace {

using Addresses = std::vector<uint32_t>;
using Rules = std::vector<uint16_t>;

unwind_rule rule_of(int32_t offset) {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_SP;
  rule.cfa_offset = offset;
  rule.ra_offset = -8;
  return rule;
}

worker::RowReply reply_with(const Addresses& addresses, const Rules& rules, size_t new_rules,
                            uint64_t base = 0x1000) {
  std::vector<unwind_rule> added;
  for (size_t i = 0; i < new_rules; ++i)
    added.push_back(rule_of(static_cast<int32_t>(i)));
  worker::RowReply reply;
  reply.set_base(base);
  reply.set_addresses(pack(std::span<const uint32_t>(addresses)));
  reply.set_rules(pack(std::span<const uint16_t>(rules)));
  reply.set_new_rules(pack(std::span<const unwind_rule>(added)));
  return reply;
}

worker::RowReply last_reply(uint64_t rows) {
  worker::RowReply reply;
  reply.set_last(true);
  worker::RowReply::Facts& facts = *reply.mutable_facts();
  facts.set_rows(rows);
  for (size_t i = 0; i < kFdeFaults; ++i)
    facts.add_malformed(i);
  return reply;
}

class Reader : public testing::Test {
protected:
  std::string take(const worker::RowReply& reply) {
    const auto taken = reader_.take(reply);
    return taken ? "" : taken.error().why;
  }

  Addresses received_;
  UnwindTableFacts facts_;
  RowBatchSink sink_ = [this](const RowBatch& batch) {
    received_.insert(received_.end(), batch.addresses.begin(), batch.addresses.end());
  };
  RowReader reader_{sink_, facts_};
};

TEST_F(Reader, PassesRowsOnAndThenTheFacts) {
  EXPECT_EQ(take(reply_with({0, 5}, {0, 1}, 2)), "");
  EXPECT_EQ(take(reply_with({6, UINT32_MAX}, {1, 2}, 1)), "");
  worker::RowReply last = last_reply(4);
  last.set_build_id("\x01\xab");
  last.mutable_facts()->set_fdes(3);
  last.mutable_facts()->mutable_go()->add_functions()->set_function(1);
  EXPECT_EQ(take(last), "");
  EXPECT_EQ(received_, (Addresses{0, 5, 6, UINT32_MAX}));
  EXPECT_EQ(facts_.rows, 4U);
  EXPECT_EQ(facts_.rules, 3U);
  EXPECT_EQ(facts_.base, ElfAddress{0x1000});
  EXPECT_EQ(facts_.build_id, "01ab");
  EXPECT_TRUE(facts_.unwind.has_unwind_information());
  EXPECT_EQ(facts_.unwind.malformed[kFdeFaults - 1], kFdeFaults - 1);
  ASSERT_TRUE(facts_.unwind.go);
  EXPECT_EQ(facts_.unwind.go->functions.at(0).function, GoFunction::kMstart);
}

TEST_F(Reader, AllRowsAreOfOneMachine) {
  worker::RowReply reply = reply_with({5}, {0}, 1);
  reply.set_machine(62);
  EXPECT_EQ(take(reply), "");
  EXPECT_EQ(facts_.machine, 62);
  worker::RowReply other = reply_with({6}, {0}, 0);
  other.set_machine(183);
  EXPECT_EQ(take(other), "rows of another machine");
}

TEST_F(Reader, RowsMustAscend) {
  EXPECT_EQ(take(reply_with({5, 5}, {0, 0}, 1)), "rows that do not ascend");
  EXPECT_EQ(take(reply_with({5, 4}, {0, 0}, 1)), "rows that do not ascend");
  EXPECT_EQ(take(reply_with({5, 9}, {0, 0}, 1)), "");
  EXPECT_EQ(take(reply_with({9}, {0}, 0)), "rows that do not ascend");
  EXPECT_EQ(take(reply_with({10}, {0}, 0)), "");
  EXPECT_EQ(received_, (Addresses{5, 9, 10}));
}

TEST_F(Reader, RulesMustHaveCome) {
  EXPECT_EQ(take(reply_with({1}, {0}, 0)), "a row with a rule that did not come");
  EXPECT_EQ(take(reply_with({1}, {1}, 1)), "a row with a rule that did not come");
  EXPECT_EQ(take(reply_with({1}, {0}, 1)), "");
  EXPECT_EQ(take(reply_with({2}, {1}, 0)), "a row with a rule that did not come");
  EXPECT_EQ(take(reply_with({2}, {1}, 1)), "");
}

TEST_F(Reader, OneFileHasOneBase) {
  EXPECT_EQ(take(reply_with({1}, {0}, 1)), "");
  EXPECT_EQ(take(reply_with({2}, {0}, 0, 0x2000)), "rows of another base");
}

TEST_F(Reader, RulesNeedRowsAndRowsAreCounted) {
  EXPECT_EQ(take(reply_with({}, {}, 1)), "rules without rows");
  EXPECT_EQ(take(reply_with({1, 2}, {0, 0}, 1)), "");
  EXPECT_EQ(take(last_reply(3)), "rows are missing");
  EXPECT_EQ(take(last_reply(2)), "");
}

TEST_F(Reader, RulesAreBounded) {
  uint32_t address = 0;
  for (size_t left = kMaxUnwindRules; left != 0;) {
    const size_t now = std::min<size_t>(left, 5000);
    EXPECT_EQ(take(reply_with({address++}, {0}, now)), "");
    left -= now;
  }
  EXPECT_EQ(take(reply_with({address}, {0}, 1)), "too many rules");
  EXPECT_EQ(take(reply_with({address}, {0}, 0)), "");
}

TEST_F(Reader, AFailureIsHandedOnWithWhatCameBefore) {
  EXPECT_EQ(take(reply_with({1}, {0}, 1)), "");
  worker::RowReply last;
  last.set_last(true);
  last.set_failure("no memory");
  EXPECT_EQ(take(last), "");
  EXPECT_EQ(facts_.failure, "no memory");
  EXPECT_EQ(facts_.rows, 1U);
}

} // namespace
} // namespace pprofd::symbolizer
