#include "daemon/unwind/tables/rule_set.h"

namespace pprofd {

std::optional<uint16_t> RuleSet::use(const unwind_rule& rule) {
  if (const auto known = index_.find(rule); known != index_.end()) {
    ++entries_[known->second].users;
    return known->second;
  }
  if (free_.empty() && entries_.size() == PPROFD_MAX_RULES)
    return std::nullopt;
  const auto index = free_.empty() ? static_cast<uint16_t>(entries_.size()) : free_.back();
  if (!write_(index, rule))
    return std::nullopt;
  if (free_.empty())
    entries_.emplace_back();
  else
    free_.pop_back();
  entries_[index] = {rule, 1};
  index_.emplace(rule, index);
  return index;
}

void RuleSet::release(uint16_t index) {
  Entry& entry = entries_[index];
  if (--entry.users != 0)
    return;
  index_.erase(entry.rule);
  unsettled_.push_back(index);
}

void RuleSet::settle() {
  free_.insert(free_.end(), unsettled_.begin(), unsettled_.end());
  unsettled_.clear();
}

} // namespace pprofd
