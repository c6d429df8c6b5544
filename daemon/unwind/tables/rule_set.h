// The rules that all tables share, each once (map `rules`, bpf/unwind_tables.h).
//
// A rule stays as long as a table uses it. The index of one that went is not given away again
// before settle(): a program in the kernel may just have read it from a row.
//
// Not synchronized; its owner (TableStore) is.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/unwind_rule.h"
#include "bpf/unwind_tables.h"

namespace pprofd {

class RuleSet {
public:
  // Writes a rule to the kernel; false where that failed.
  using Write = std::function<bool(uint32_t index, const unwind_rule& rule)>;

  explicit RuleSet(Write write) : write_(std::move(write)) {}

  // The index of a rule, which gets one user more; nullopt: there is no room for another rule.
  std::optional<uint16_t> use(const unwind_rule& rule);
  void release(uint16_t index);
  // No program reads rows any more that were removed before the call.
  void settle();

  [[nodiscard]] size_t size() const { return index_.size(); }

private:
  struct Hash {
    size_t operator()(const unwind_rule& rule) const {
      return std::hash<std::string_view>()(
          {reinterpret_cast<const char*>(&rule), sizeof(unwind_rule)});
    }
  };
  struct Equal {
    bool operator()(const unwind_rule& a, const unwind_rule& b) const {
      return std::memcmp(&a, &b, sizeof(a)) == 0;
    }
  };
  struct Entry {
    unwind_rule rule;
    uint32_t users = 0;
  };

  Write write_;
  std::vector<Entry> entries_; // by index
  std::unordered_map<unwind_rule, uint16_t, Hash, Equal> index_;
  std::vector<uint16_t> free_;
  std::vector<uint16_t> unsettled_;
};

} // namespace pprofd
