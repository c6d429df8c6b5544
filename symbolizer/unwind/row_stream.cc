#include "symbolizer/unwind/row_stream.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

namespace pprofd::symbolizer {
namespace {

// A rule as numbers: compared several times a row, where a call of memcmp would show.
struct Words {
  uint32_t kinds;
  int32_t cfa_offset;
  uint64_t offsets;
  uint64_t rest;
  bool operator==(const Words&) const = default;
};

Words words_of(const unwind_rule& rule) {
  static_assert(offsetof(unwind_rule, cfa_offset) == 4 && offsetof(unwind_rule, fp_offset) == 8 &&
                offsetof(unwind_rule, deref_offset) == 16 && sizeof rule == 24);
  Words words{.kinds = 0, .cfa_offset = rule.cfa_offset, .offsets = 0, .rest = 0};
  std::memcpy(&words.kinds, &rule, sizeof words.kinds);
  std::memcpy(&words.offsets, &rule.fp_offset, sizeof words.offsets);
  std::memcpy(&words.rest, &rule.deref_offset, sizeof words.rest);
  return words;
}

bool equal(const unwind_rule& a, const unwind_rule& b) {
  return words_of(a) == words_of(b);
}

bool equal_but_cfa_offset(const unwind_rule& a, const unwind_rule& b) {
  Words words = words_of(a);
  words.cfa_offset = b.cfa_offset;
  return words == words_of(b);
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

void RowCleaner::rows(std::span<const cfi::Program::StateRow> rows) {
  if (rows.empty())
    return;
  row(rows.front().address, rows.front().rule);
  for (const cfi::Program::StateRow& each : rows.subspan(1))
    put(each.address, each.rule);
}

void RowCleaner::put(uint64_t address, const unwind_rule& rule) {
  if (equal(rule, holding_))
    return;
  if (merges(address, rule)) {
    Row& first = batch_.back();
    first.rule.merge_at = static_cast<uint8_t>(address - first.address.value);
    first.rule.merge_delta = static_cast<int16_t>(rule.cfa_offset - holding_.cfa_offset);
    ++facts_->merged_pairs;
  } else {
    if (batch_.size() == kBatch)
      pass_on(kBatch);
    batch_.push_back({.address = {address}, .rule = rule});
  }
  holding_ = rule;
}

bool RowCleaner::merges(uint64_t address, const unwind_rule& rule) const {
  if (batch_.empty())
    return false;
  const Row& before = batch_.back();
  const unwind_rule& first = before.rule;
  if (address - before.address.value > architecture_->merge_distance || !options_.merge_pairs ||
      first.cfa != UNWIND_CFA_SP || first.merge_at != 0)
    return false;
  const int64_t delta = int64_t{rule.cfa_offset} - first.cfa_offset;
  if (delta < std::numeric_limits<int16_t>::min() || delta > std::numeric_limits<int16_t>::max())
    return false;
  return equal_but_cfa_offset(first, rule);
}

void RowCleaner::pass_on(size_t count) {
  const auto rows = std::span(batch_).first(count);
  facts_->rows += count;
  for (const Row& row : rows)
    facts_->gaps += row.rule.cfa == UNWIND_CFA_NONE;
  (*sink_)(rows);
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<ptrdiff_t>(count));
}

void RowCleaner::finish() {
  if (gap_)
    put(*gap_, kGap);
  gap_.reset();
  if (!batch_.empty())
    pass_on(batch_.size());
}

void KnownCodeOverlay::row(uint64_t address, const unwind_rule& rule) {
  lay_until(address);
  below_ = rule;
  if (!inside_)
    put(address, rule);
}

void KnownCodeOverlay::rows(std::span<const cfi::Program::StateRow> rows) {
  if (code_.empty() && !rows.empty()) {
    cleaner_->rows(rows);
    below_ = rows.back().rule;
    next_ = rows.back().address + 1;
    return;
  }
  for (const cfi::Program::StateRow& each : rows)
    row(each.address, each.rule);
}

void KnownCodeOverlay::gap(uint64_t address) {
  lay_until(address);
  below_ = kGap;
  if (!inside_)
    cleaner_->gap(address);
}

void KnownCodeOverlay::finish() {
  lay_until(UINT64_MAX);
}

// Code that begins or ends at or before `address`. What is entered by a return address is looked up
// one byte before: the row begins there.
void KnownCodeOverlay::lay(uint64_t address) {
  while (!code_.empty()) {
    const Code code = code_.front();
    if (!inside_) {
      if (code.start - 1 > address)
        return;
      put(std::max(code.start - 1, next_), code.rule);
      inside_ = true;
    }
    if (code.end > address)
      return;
    code_.pop_front();
    inside_ = false;
    // What follows at once begins with the last byte.
    if (code.end < address && (code_.empty() || code_.front().start > code.end))
      put_below(code.end);
  }
}

void KnownCodeOverlay::put(uint64_t address, const unwind_rule& rule) {
  cleaner_->row(address, rule);
  next_ = address + 1;
}

void KnownCodeOverlay::put_below(uint64_t address) {
  if (below_.cfa == UNWIND_CFA_NONE)
    cleaner_->gap(address);
  else
    put(address, below_);
}

} // namespace pprofd::symbolizer
