#include "daemon/debuginfod/absences.h"

namespace pprofd {

void Absences::note(const std::string& build_id, Time now) {
  if (until_.insert_or_assign(build_id, now + kLife).second)
    order_.push_back(build_id);
  if (order_.size() <= kMost)
    return;
  until_.erase(order_.front());
  order_.pop_front();
}

bool Absences::holds(const std::string& build_id, Time now) const {
  const auto found = until_.find(build_id);
  return found != until_.end() && now < found->second;
}

} // namespace pprofd
