// Texts that are met many times, each kept once. Views of them stay valid as long as the pool,
// also when that is moved. One thread at a time.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace pprofd {

class TextPool {
public:
  TextPool() = default;
  TextPool(TextPool&& other) noexcept
      : blocks_(std::move(other.blocks_)), known_(std::move(other.known_)),
        next_(std::exchange(other.next_, nullptr)), left_(std::exchange(other.left_, 0)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  TextPool& operator=(TextPool&& other) noexcept {
    blocks_ = std::move(other.blocks_);
    known_ = std::move(other.known_);
    next_ = std::exchange(other.next_, nullptr);
    left_ = std::exchange(other.left_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;
  ~TextPool() = default;

  // The same text, in the pool.
  std::string_view keep(std::string_view text) {
    if (const auto known = known_.find(text); known != known_.end())
      return *known;
    char* const place = take(text.size());
    if (!text.empty())
      std::memcpy(place, text.data(), text.size());
    return *known_.insert(std::string_view(place, text.size())).first;
  }

  [[nodiscard]] bool contains(std::string_view text) const { return known_.contains(text); }
  [[nodiscard]] size_t bytes() const { return bytes_; } // of the texts

private:
  static constexpr size_t kBlock = 64 << 10;

  char* take(size_t size) {
    if (size > left_) {
      left_ = size > kBlock ? size : kBlock;
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
      next_ = blocks_.back().get();
    }
    left_ -= size;
    bytes_ += size;
    return std::exchange(next_, next_ + size);
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::unordered_set<std::string_view> known_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t bytes_ = 0;
};

} // namespace pprofd
