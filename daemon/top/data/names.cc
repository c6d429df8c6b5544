#include "daemon/top/data/names.h"

#include <functional>
#include <string_view>

namespace pprofd::top {

size_t NameTable::Hash::operator()(const FunctionName& function) const {
  const std::hash<std::string_view> hash;
  return hash(function.name) * 31 + hash(function.object);
}

FunctionId NameTable::hold(const FunctionName& function) {
  const auto [position, is_new] = by_name_.try_emplace(function, 0);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(static_cast<FunctionId>(entries_.size()));
      entries_.emplace_back();
    }
    position->second = free_.back();
    free_.pop_back();
    entries_[position->second] = {.name = &position->first};
  }
  ++entries_[position->second].holders;
  return position->second;
}

void NameTable::release(FunctionId id) {
  Entry& entry = entries_[id];
  if (--entry.holders != 0)
    return;
  by_name_.erase(by_name_.find(*entry.name));
  entry.name = nullptr;
  free_.push_back(id);
}

std::optional<FunctionId> NameTable::find(const FunctionName& function) const {
  const auto found = by_name_.find(function);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

} // namespace pprofd::top
