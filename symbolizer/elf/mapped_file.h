// A regular file mapped for reading, whole: for sections of which only parts are looked at and
// which are too big to be copied. The pages are the page cache's, not the process's own memory.
//
// A file may shrink while it is mapped; the pages that are gone then raise SIGBUS. The first
// mapping installs a handler for the process's life: a fault in a mapping of ours puts zeros there
// and marks the mapping as changed, every other SIGBUS ends the process as without the handler.
// Whoever parses asks changed() when done and takes nothing from a file that did.
//
// Any thread may map, read and ask; each mapping has one owner.
// Source: mmap(2), sigaction(2) (SIGBUS, BUS_ADRERR).
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "symbolizer/base/result.h"

namespace pprofd::symbolizer {

class MappedFile {
public:
  // How many there can be at a time in one process.
  static constexpr size_t kMaxMappings = 512;

  // Fails unless `fd` is a regular file with at least a byte. The descriptor is not kept.
  // Error::what stays empty.
  static Result<MappedFile> open(int fd);

  MappedFile(MappedFile&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), slot_(std::exchange(other.slot_, kMaxMappings)) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // No page of any mapping counts as the process's any more; what is read again comes from the page
  // cache. No other thread ends a mapping meanwhile.
  static void release_pages();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  // Whether something that was read here was no longer in the file.
  [[nodiscard]] bool changed() const;

private:
  MappedFile(std::span<const std::byte> bytes, size_t slot) : bytes_(bytes), slot_(slot) {}

  std::span<const std::byte> bytes_;
  size_t slot_ = kMaxMappings;
};

} // namespace pprofd::symbolizer
