#include "symbolizer/unwind/row_stream.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace pprofd::symbolizer {
namespace {

bool equal(const unwind_rule& a, const unwind_rule& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

constexpr unwind_rule kGap{};

} // namespace

RowCleaner::RowCleaner(const Architecture& architecture, const RowOptions& options,
                       const RowSink& sink, UnwindFacts& facts)
    : architecture_(&architecture), options_(options), sink_(&sink), facts_(&facts) {
  batch_.reserve(kBatch);
}

void RowCleaner::row(uint64_t address, const unwind_rule& rule) {
  if (gap_ && address - *gap_ > options_.padding)
    put(*gap_, kGap);
  gap_.reset();
  put(address, rule);
}

void RowCleaner::put(uint64_t address, const unwind_rule& rule) {
  if (equal(rule, holding_))
    return;
  if (pending_ && merges(address, rule)) {
    pending_->rule.merge_at = static_cast<uint8_t>(address - pending_->address.value);
    pending_->rule.merge_delta = static_cast<int16_t>(rule.cfa_offset - holding_.cfa_offset);
    ++facts_->merged_pairs;
  } else {
    flush_pending();
    pending_ = Row{.address = {address}, .rule = rule};
  }
  holding_ = rule;
}

bool RowCleaner::merges(uint64_t address, const unwind_rule& rule) const {
  const unwind_rule& first = pending_->rule;
  if (!options_.merge_pairs || first.cfa != UNWIND_CFA_SP || first.merge_at != 0 ||
      address - pending_->address.value > architecture_->merge_distance)
    return false;
  const int64_t delta = int64_t{rule.cfa_offset} - first.cfa_offset;
  if (delta < std::numeric_limits<int16_t>::min() || delta > std::numeric_limits<int16_t>::max())
    return false;
  unwind_rule moved = first;
  moved.cfa_offset = rule.cfa_offset;
  return equal(moved, rule);
}

void RowCleaner::flush_pending() {
  if (!pending_)
    return;
  ++facts_->rows;
  if (pending_->rule.cfa == UNWIND_CFA_NONE)
    ++facts_->gaps;
  batch_.push_back(*pending_);
  pending_.reset();
  if (batch_.size() == kBatch) {
    (*sink_)(batch_);
    batch_.clear();
  }
}

void RowCleaner::finish() {
  if (gap_)
    put(*gap_, kGap);
  gap_.reset();
  flush_pending();
  if (!batch_.empty())
    (*sink_)(batch_);
  batch_.clear();
}

void TrampolineOverlay::row(uint64_t address, const unwind_rule& rule) {
  lay_until(address);
  below_ = rule;
  if (!inside_)
    put(address, rule);
}

void TrampolineOverlay::gap(uint64_t address) {
  lay_until(address);
  below_ = kGap;
  if (!inside_)
    cleaner_->gap(address);
}

void TrampolineOverlay::finish() { lay_until(UINT64_MAX); }

// Trampolines that begin or end at or before `address`. A handler returns to the first instruction,
// and a return address is looked up one byte before: the row begins there.
void TrampolineOverlay::lay_until(uint64_t address) {
  while (!trampolines_.empty()) {
    const uint64_t trampoline = trampolines_.front();
    if (!inside_) {
      if (trampoline - 1 > address)
        return;
      unwind_rule rule{};
      rule.cfa = UNWIND_CFA_SIGNAL;
      rule.flags = UNWIND_RULE_SIGNAL_FRAME;
      put(std::max(trampoline - 1, next_), rule);
      inside_ = true;
    }
    const uint64_t end = trampoline + architecture_->trampoline.size();
    if (end > address)
      return;
    trampolines_.pop_front();
    inside_ = false;
    // A trampoline that follows at once begins with its last byte.
    if (end < address && (trampolines_.empty() || trampolines_.front() > end))
      put_below(end);
  }
}

void TrampolineOverlay::put(uint64_t address, const unwind_rule& rule) {
  cleaner_->row(address, rule);
  next_ = address + 1;
}

void TrampolineOverlay::put_below(uint64_t address) {
  if (below_.cfa == UNWIND_CFA_NONE)
    cleaner_->gap(address);
  else
    put(address, below_);
}

} // namespace pprofd::symbolizer
