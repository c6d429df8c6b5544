// From the ids of one table of a profile to positions in it. Ids are usually 1..N, but a profile
// of somebody else's may number its entries as it likes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pprofd {

class IdIndex {
public:
  // `table`: entries with id(), unique and not 0.
  template <typename Table>
  explicit IdIndex(const Table& table) : dense_(static_cast<size_t>(table.size()) + 1, -1) {
    for (int i = 0; i < table.size(); i++) {
      uint64_t id = table[i].id();
      if (id < dense_.size())
        dense_[id] = i;
      else
        sparse_[id] = i;
    }
  }

  // The position of the entry with this id; -1 where there is none.
  [[nodiscard]] int position(uint64_t id) const {
    if (id < dense_.size())
      return dense_[id];
    auto found = sparse_.find(id);
    return found == sparse_.end() ? -1 : found->second;
  }

private:
  std::vector<int> dense_;
  std::unordered_map<uint64_t, int> sparse_;
};

} // namespace pprofd
