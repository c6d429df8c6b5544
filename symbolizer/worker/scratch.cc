#include "symbolizer/worker/scratch.h"

#include <sys/mman.h>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

std::optional<Scratch> Scratch::open(int fd) {
  const auto file = ByteSource::of_file(fd);
  if (!file || file->size() == 0)
    return std::nullopt;
  void* start = ::mmap(nullptr, file->size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED)
    return std::nullopt;
  return Scratch({static_cast<std::byte*>(start), file->size()});
}

Scratch& Scratch::operator=(Scratch&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(used_, other.used_);
  return *this;
}

Scratch::~Scratch() {
  if (!bytes_.empty())
    ::munmap(bytes_.data(), bytes_.size());
}

std::span<std::byte> Scratch::take(uint64_t size) {
  if (size > bytes_.size() - used_)
    return {};
  return bytes_.subspan(std::exchange(used_, used_ + size), size);
}

void Scratch::release_pages() const {
  ::madvise(bytes_.data(), bytes_.size(), MADV_DONTNEED);
}

} // namespace pprofd::symbolizer
