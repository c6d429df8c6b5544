// What the writer sends passes the client's checks, whatever rows there are.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbolizer/base/sanitized.h"
#include "symbolizer/client/row_reader.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/worker/row_writer.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class Writer : public testing::Test {
protected:
  static Row row(uint64_t address, int32_t offset) {
    Row row{.address = {address}, .rule = {}};
    row.rule.cfa = UNWIND_CFA_SP;
    row.rule.cfa_offset = offset;
    return row;
  }

  void finish(UnwindFacts facts = {}) {
    const Fd fd = test::open_file("/proc/self/exe");
    const auto source = ByteSource::of_file(fd.get()).value();
    writer_.finish(ElfImage::open(source).value(), std::move(facts));
  }

  std::vector<uint32_t> addresses_;
  std::vector<unwind_rule> rules_; // of the rows
  size_t replies_ = 0;
  UnwindTableFacts facts_;

  std::vector<unwind_rule> known_;
  RowBatchSink sink_ = [this](const RowBatch& batch) {
    known_.insert(known_.end(), batch.new_rules.begin(), batch.new_rules.end());
    addresses_.insert(addresses_.end(), batch.addresses.begin(), batch.addresses.end());
    for (const uint16_t index : batch.rules)
      rules_.push_back(known_.at(index));
  };
  RowReader reader_{sink_, facts_};
  RowWriter::Send send_ = [this](const worker::RowReply& reply) {
    ++replies_;
    const auto bytes = encode(reply);
    EXPECT_LE(bytes.size(), kMaxPacket);
    const auto decoded = decode_row_reply(bytes, 7);
    EXPECT_TRUE(decoded) << decoded.error().why;
    const auto taken = reader_.take(*decoded);
    EXPECT_TRUE(taken) << taken.error().why;
    return true;
  };
  RowWriter writer_{7, EM_X86_64, {0x1000}, send_};
};

TEST_F(Writer, RulesAreSentOnce) {
  writer_.add(std::vector<Row>{row(0x1000, 8), row(0x1001, 16), row(0x1002, 8)});
  finish();
  EXPECT_EQ(replies_, 2U);
  EXPECT_THAT(addresses_, ElementsAre(0, 1, 2));
  EXPECT_EQ(facts_.rules, 2U);
  EXPECT_EQ(rules_[2].cfa_offset, 8);
  EXPECT_EQ(facts_.machine, EM_X86_64);
  EXPECT_FALSE(facts_.segments.empty());
}

TEST_F(Writer, NoRowsAreOneReply) {
  finish();
  EXPECT_EQ(replies_, 1U);
  EXPECT_EQ(facts_.rows, 0U);
}

TEST_F(Writer, RowsFurtherThan4GiBAreLeftOutAndSaid) {
  writer_.add(std::vector<Row>{row(0xfff, 8), row(0x1000, 8), row(0x1000 + (1ULL << 32) - 1, 16),
                               row(0x1000 + (1ULL << 32), 8)});
  finish();
  EXPECT_THAT(addresses_, ElementsAre(0, UINT32_MAX));
  EXPECT_THAT(facts_.unwind.notes, ElementsAre("2 rows too many or too far from the others"));
}

TEST_F(Writer, RulesTooManyOrImpossibleBecomeUnsupportedAndAreSaid) {
  constexpr size_t kRows = kMaxUnwindRules + 1000;
  for (size_t i = 0; i < kRows; ++i)
    writer_.add(std::vector<Row>{row(0x1000 + i, static_cast<int32_t>(i))});
  writer_.add(std::vector<Row>{row(0x1000 + kRows, INT32_MAX)});
  finish();
  EXPECT_EQ(facts_.rows, kRows + 1);
  EXPECT_EQ(facts_.rules, kMaxUnwindRules);
  EXPECT_EQ(rules_[kMaxUnwindRules - 2].cfa_offset, static_cast<int32_t>(kMaxUnwindRules - 2));
  EXPECT_EQ(rules_[kMaxUnwindRules - 1].cfa, UNWIND_CFA_UNSUPPORTED);
  EXPECT_EQ(rules_.back().cfa, UNWIND_CFA_UNSUPPORTED);
  EXPECT_THAT(facts_.unwind.notes, ElementsAre("1002 rows with rules too many or impossible"));
}

TEST_F(Writer, RowsTooManyEndWithAGap) {
  if (kSanitized)
    GTEST_SKIP() << "millions of rows take half a minute";
  std::vector<Row> rows(1000, row(0, 8));
  for (uint64_t i = 0; i < kMaxUnwindRows + 5000; i += rows.size()) {
    for (size_t j = 0; j < rows.size(); ++j)
      rows[j].address = {0x1000 + i + j};
    writer_.add(rows);
  }
  finish();
  EXPECT_EQ(facts_.rows, kMaxUnwindRows);
  EXPECT_EQ(rules_.back().cfa, UNWIND_CFA_NONE);
  EXPECT_THAT(facts_.unwind.notes, ElementsAre(StartsWith("5000 rows too many")));
}

TEST_F(Writer, NotesAndGoFunctionsAreCut) {
  UnwindFacts facts;
  facts.notes.assign(100, std::string(5000, 'x') + "\x1b");
  facts.go.emplace().functions.assign(
      1000, {.function = GoFunction::kMcall, .start = {UINT64_MAX - 1}, .size = UINT64_MAX});
  finish(std::move(facts));
  EXPECT_EQ(facts_.unwind.notes.size(), kMaxNotes);
  EXPECT_EQ(facts_.unwind.go->functions.size(), kMaxGoFunctions);
}

} // namespace
} // namespace pprofd::symbolizer
