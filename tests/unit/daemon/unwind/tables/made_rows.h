// Rows for tests, and what a plain ordered map says of them.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "daemon/unwind/tables/table_store.h"

namespace pprofd::test {

inline constexpr unwind_rule kGap{};

// The same numbers in every run.
struct Dice {
  explicit Dice(uint32_t seed) : engine(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(engine()); }
  std::mt19937 engine;
};

// A rule that is told from others by its number; every third is a merged pair.
inline unwind_rule rule_of(uint32_t number) {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_SP;
  rule.cfa_offset = static_cast<int32_t>(8 * number + 8);
  rule.ra_offset = -8;
  if (number % 3 == 2) {
    rule.merge_at = 2;
    rule.merge_delta = 8;
  }
  return rule;
}

class MadeRows {
public:
  void add(uint32_t address, const unwind_rule& rule) { rows_[address] = rule; }

  // `rows` rows, each one to `step` bytes behind the one before, with some of `rules` rules from
  // `first_rule` on, some gaps, and a gap at the end.
  static MadeRows random(Dice& dice, size_t rows, uint32_t step, uint32_t first_rule = 0,
                         uint32_t rules = 100, uint32_t start = 0x1000) {
    MadeRows made;
    uint64_t address = start;
    for (size_t row = 0; row < rows; ++row) {
      const bool gap = row + 1 == rows || dice() % 8 == 0;
      made.add(static_cast<uint32_t>(address), gap ? kGap : rule_of(first_rule + dice() % rules));
      address += 1 + dice() % step;
      if (address > UINT32_MAX)
        std::abort();
    }
    return made;
  }

  [[nodiscard]] CompiledRows compiled() const {
    CompiledRows rows;
    std::map<std::vector<uint8_t>, uint16_t> known;
    for (const auto& [address, rule] : rows_) {
      std::vector<uint8_t> bytes(sizeof(rule));
      std::memcpy(bytes.data(), &rule, sizeof(rule));
      const auto [at, is_new] =
          known.try_emplace(bytes, static_cast<uint16_t>(rows.distinct.size()));
      if (is_new)
        rows.distinct.push_back(rule);
      rows.offsets.push_back(static_cast<uint32_t>(address));
      rows.rules.push_back(at->second);
    }
    return rows;
  }

  struct Answer {
    unwind_lookup result = UNWIND_PENDING;
    int32_t cfa_offset = 0; // where found
    bool operator==(const Answer&) const = default;
  };

  [[nodiscard]] Answer at(uint64_t address) const {
    if (rows_.empty())
      return {UNWIND_NO_UNWIND_INFO};
    const auto behind = rows_.upper_bound(address);
    if (behind == rows_.begin() || address > UINT32_MAX)
      return {UNWIND_NO_ROW};
    const auto& [start, rule] = *std::prev(behind);
    if (rule.cfa == UNWIND_CFA_NONE)
      return {UNWIND_NO_ROW};
    const bool second = rule.merge_delta != 0 && address - start >= rule.merge_at;
    return {UNWIND_FOUND, rule.cfa_offset + (second ? rule.merge_delta : 0)};
  }

  // Every row's address and its neighbours, of every `stride`th row.
  [[nodiscard]] std::set<uint64_t> boundaries(size_t stride = 1) const {
    std::set<uint64_t> addresses{0, 1, UINT32_MAX - 1, UINT32_MAX};
    size_t row = 0;
    for (const auto& [address, rule] : rows_) {
      if (row++ % stride == 0)
        addresses.insert({address, address + 1, address + 2});
      if (address > 0 && row % stride == 0)
        addresses.insert(address - 1);
    }
    return addresses;
  }

  [[nodiscard]] size_t size() const { return rows_.size(); }

private:
  std::map<uint64_t, unwind_rule> rows_;
};

inline void PrintTo(const MadeRows::Answer& answer, std::ostream* out) {
  *out << "result " << answer.result << ", cfa offset " << answer.cfa_offset;
}

} // namespace pprofd::test
