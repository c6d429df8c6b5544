#include "symbolizer/client/row_reader.h"

#include <algorithm>
#include <functional>

#include "symbolizer/base/hex.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/unwind_tables.h"

namespace pprofd::symbolizer {
namespace {

UnwindFacts unwind_facts_of(const worker::RowReply::Facts& from) {
  UnwindFacts facts;
  facts.eh_frame_bytes = from.eh_frame_bytes();
  facts.debug_frame_bytes = from.debug_frame_bytes();
  facts.fdes = from.fdes();
  std::ranges::copy(from.malformed(), facts.malformed.begin());
  facts.empty = from.empty();
  facts.outside_code = from.outside_code();
  facts.overlapping = from.overlapping();
  facts.rows_decoded = from.rows_decoded();
  facts.rows = from.rows();
  facts.gaps = from.gaps();
  facts.merged_pairs = from.merged_pairs();
  facts.unsupported_cfa = from.unsupported_cfa();
  facts.unsupported_fp = from.unsupported_fp();
  facts.unsupported_ra = from.unsupported_ra();
  facts.unsupported_sp = from.unsupported_sp();
  facts.go_functions = from.go_functions();
  facts.signal_trampolines = from.signal_trampolines();
  facts.text = {.start = {from.text_start()}, .end = {from.text_end()}};
  facts.notes.assign(from.notes().begin(), from.notes().end());
  if (!from.has_go())
    return facts;
  GoFacts& go = facts.go.emplace();
  for (const worker::RowReply::GoSymbol& symbol : from.go().functions())
    go.functions.push_back({.function = static_cast<GoFunction>(symbol.function()),
                            .start = {symbol.start()},
                            .size = symbol.size()});
  return facts;
}

} // namespace

Result<void> RowReader::take(const worker::RowReply& reply) {
  unpack(reply.addresses(), addresses_);
  unpack(reply.rules(), rules_);
  unpack(reply.new_rules(), new_rules_);
  if (auto right = check_rows(reply); !right)
    return right;
  if (reply.has_facts() && reply.facts().rows() != facts_->rows + addresses_.size())
    return fail("", "rows are missing");
  if (facts_->rows == 0) {
    facts_->machine = static_cast<uint16_t>(reply.machine());
    facts_->base = {reply.base()};
  }
  if (!addresses_.empty())
    pass_on();
  if (!reply.last())
    return {};
  facts_->build_id = hex_of(std::as_bytes(std::span(reply.build_id())));
  facts_->failure = reply.failure();
  if (reply.has_facts())
    take_facts(reply.facts());
  return {};
}

Result<void> RowReader::check_rows(const worker::RowReply& reply) const {
  if (addresses_.empty())
    return new_rules_.empty() ? Result<void>() : fail("", "rules without rows");
  if (facts_->rows != 0 && reply.base() != facts_->base.value)
    return fail("", "rows of another base");
  if (facts_->rows != 0 && reply.machine() != facts_->machine)
    return fail("", "rows of another machine");
  if (addresses_.size() > kMaxUnwindRows - facts_->rows)
    return fail("", "too many rows");
  if (new_rules_.size() > kMaxUnwindRules - facts_->rules)
    return fail("", "too many rules");
  if (addresses_.front() < next_ ||
      std::ranges::adjacent_find(addresses_, std::greater_equal<>()) != addresses_.end())
    return fail("", "rows that do not ascend");
  if (std::ranges::max(rules_) >= facts_->rules + new_rules_.size())
    return fail("", "a row with a rule that did not come");
  return {};
}

void RowReader::pass_on() {
  facts_->rows += addresses_.size();
  facts_->rules += new_rules_.size();
  next_ = uint64_t{addresses_.back()} + 1;
  (*sink_)({.machine = facts_->machine,
            .base = facts_->base,
            .addresses = addresses_,
            .rules = rules_,
            .new_rules = new_rules_});
}

void RowReader::take_facts(const worker::RowReply::Facts& facts) {
  for (const worker::RowReply::Segment& segment : facts.segments())
    facts_->segments.push_back({.offset = segment.offset(),
                                .file_size = segment.file_size(),
                                .address = {segment.address()},
                                .memory_size = segment.memory_size(),
                                .executable = true});
  facts_->unwind = unwind_facts_of(facts);
}

} // namespace pprofd::symbolizer
