// Stacks and rules made by hand, for the unwinder's own source in user space.
#pragma once

#include <linux/types.h>

#include <cstring>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "daemon/unwind/replay.h"

namespace pprofd::test {

// Words by address; anything else can't be read.
class MadeMemory : public TargetMemory {
public:
  bool read(uint64_t address, std::span<std::byte> to) override {
    ++reads;
    largest = std::max(largest, to.size());
    std::vector<std::byte> bytes;
    for (uint64_t at = address & ~uint64_t{7}; at < address + to.size(); at += 8) {
      const auto word = words.find(at);
      if (word == words.end())
        return false;
      const auto* first = reinterpret_cast<const std::byte*>(&word->second);
      bytes.insert(bytes.end(), first, first + 8);
    }
    std::memcpy(to.data(), bytes.data() + (address & 7), to.size());
    return true;
  }

  // Zeroes from start to end, so that blocks can be read.
  void fill(uint64_t start, uint64_t end) {
    for (uint64_t at = start; at < end; at += 8)
      words.emplace(at, 0);
  }

  std::map<uint64_t, uint64_t> words;
  size_t reads = 0;
  size_t largest = 0;
};

// A rule of which only what matters is written down.
struct MadeRule {
  unwind_cfa cfa = UNWIND_CFA_NONE;
  unwind_fp fp = UNWIND_FP_UNCHANGED;
  unwind_ra ra = UNWIND_RA_AT_CFA;
  uint8_t cfa_register = 0;
  int32_t cfa_offset = 0;
  int32_t fp_offset = 0;
  int32_t ra_offset = 0;
  int16_t deref_offset = 0;
  int16_t merge_delta = 0;
  uint8_t merge_at = 0;
  uint8_t flags = 0;

  [[nodiscard]] unwind_rule made() const {
    return {.cfa = static_cast<uint8_t>(cfa),
            .fp = static_cast<uint8_t>(fp),
            .ra = static_cast<uint8_t>(ra),
            .cfa_register = cfa_register,
            .cfa_offset = cfa_offset,
            .fp_offset = fp_offset,
            .ra_offset = ra_offset,
            .deref_offset = deref_offset,
            .merge_delta = merge_delta,
            .merge_at = merge_at,
            .flags = flags,
            .reserved = 0};
  }
};

// Rules from an address to the next rule's; UNWIND_NO_MAPPING where there is none.
class MadeRules : public UnwindRules {
public:
  unwind_lookup find(uint64_t pc, unwind_found& found) override {
    asked.push_back(pc);
    auto entry = entries.upper_bound(pc);
    if (entry == entries.begin())
      return UNWIND_NO_MAPPING;
    --entry;
    const Entry& at = entry->second;
    if (at.lookup == UNWIND_FOUND)
      unwind_apply(&found, &at.rule, pc - entry->first);
    return at.lookup;
  }

  void rule(uint64_t from, const MadeRule& rule) {
    entries[from] = {.lookup = UNWIND_FOUND, .rule = rule.made()};
  }
  void nothing(uint64_t from, unwind_lookup why) { entries[from] = {.lookup = why, .rule = {}}; }

  std::vector<uint64_t> asked;

private:
  struct Entry {
    unwind_lookup lookup = UNWIND_NO_MAPPING;
    unwind_rule rule{};
  };
  std::map<uint64_t, Entry> entries;
};

} // namespace pprofd::test
