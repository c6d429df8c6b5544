// Room for inflated sections in a file that the daemon gave: its pages can go to disk, so that what
// a big debug file comes to is no memory of the worker's. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace pprofd::symbolizer {

class Scratch {
public:
  // The whole file, mapped; nullopt where it cannot be. The descriptor is not kept.
  static std::optional<Scratch> open(int fd);

  Scratch(Scratch&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), used_(std::exchange(other.used_, 0)) {}
  Scratch& operator=(Scratch&& other) noexcept;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  // The next `size` bytes; empty: there are not so many left.
  std::span<std::byte> take(uint64_t size);
  // As MappedFile's.
  void release_pages() const;
  [[nodiscard]] size_t size() const { return bytes_.size(); }

private:
  explicit Scratch(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
  size_t used_ = 0;
};

} // namespace pprofd::symbolizer
