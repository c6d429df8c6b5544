#include "symbolizer/client/policy.h"

namespace pprofd::symbolizer {

bool Strikes::strike(uint64_t file) {
  if (++counts_[file] == 1)
    order_.push_back(file);
  const bool refused_now = refused(file);
  if (order_.size() > kMaxFiles) {
    counts_.erase(order_.front());
    order_.pop_front();
  }
  return refused_now;
}

bool Strikes::refused(uint64_t file) const {
  const auto found = counts_.find(file);
  return found != counts_.end() && found->second >= kLimit;
}

} // namespace pprofd::symbolizer
