// Bytes at positions: a regular file behind a descriptor, or memory. Every read is checked against
// the size and goes into memory of ours, so that a file that shrinks meanwhile is an error and not
// a SIGBUS. Neither the descriptor nor the memory is owned; both must outlive the source.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "symbolizer/base/result.h"

namespace pprofd::symbolizer {

// What tells that a file is still the one that was parsed.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  int64_t changed_ns = 0;
  auto operator<=>(const FileStamp&) const = default;
};

class ByteSource {
public:
  // Fails unless `fd` is a readable regular file.
  static Result<ByteSource> of_file(int fd);
  static ByteSource of_memory(std::span<const std::byte> memory);

  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] const FileStamp& stamp() const { return stamp_; } // zeros for memory

  // Fills `out` from `offset` on, all of it, or fails. Error::what stays empty: the caller knows
  // what it was reading.
  Result<void> read(uint64_t offset, std::span<std::byte> out) const;

  // As many bytes as there are, at most out.size(); 0 at the end or on an error.
  size_t read_some(uint64_t offset, std::span<std::byte> out) const;

  // The structure at `offset`.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  Result<T> read_as(uint64_t offset) const {
    T value;
    auto done = read(offset, std::as_writable_bytes(std::span(&value, 1)));
    if (!done)
      return std::unexpected(done.error());
    return value;
  }

  // `size` bytes from `offset` on; fails where `size` is above `limit`.
  Result<std::vector<std::byte>> read_copy(uint64_t offset, uint64_t size, uint64_t limit) const;

private:
  ByteSource() = default;

  int fd_ = -1;
  const std::byte* memory_ = nullptr;
  uint64_t size_ = 0;
  FileStamp stamp_;
};

} // namespace pprofd::symbolizer
