// Values by key, bounded in bytes: what was used longest ago goes first. The newest value stays
// even where it alone is over the limit. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

namespace pprofd {

template <typename Key, typename Value, typename Hash = std::hash<Key>> class LruCache {
public:
  // `limit` in bytes, as put() is told them, and a fixed share for each value.
  explicit LruCache(size_t limit) : limit_(limit) {}

  // nullptr: not there. Valid until the next put().
  Value* find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end())
      return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // The key must not be there. Valid until the next put().
  Value& put(const Key& key, Value value, size_t bytes) {
    bytes += kShare;
    entries_.push_front({key, bytes, std::move(value)});
    index_.emplace(key, entries_.begin());
    bytes_ += bytes;
    while (bytes_ > limit_ && entries_.size() > 1)
      drop_oldest();
    return entries_.front().value;
  }

  // Whether it was there.
  bool erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end())
      return false;
    bytes_ -= found->second->bytes;
    entries_.erase(found->second);
    index_.erase(found);
    return true;
  }

  void clear() {
    index_.clear();
    entries_.clear();
    bytes_ = 0;
  }

  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] size_t size() const { return entries_.size(); }

private:
  static constexpr size_t kShare = 128; // of list and index, about

  struct Entry {
    Key key;
    size_t bytes;
    Value value;
  };

  void drop_oldest() {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }

  size_t limit_;
  size_t bytes_ = 0;
  std::list<Entry> entries_; // the one used last first
  std::unordered_map<Key, typename std::list<Entry>::iterator, Hash> index_;
};

} // namespace pprofd
