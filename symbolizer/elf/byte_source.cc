#include "symbolizer/elf/byte_source.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace pprofd::symbolizer {
namespace {

// glibc's fstat() is newfstatat(), which takes a path and hence is not allowed in the sandbox.
int stat_descriptor(int fd, struct stat& out) {
  return static_cast<int>(::syscall(SYS_fstat, fd, &out));
}

int64_t nanoseconds(const timespec& time) {
  int64_t result = 0;
  if (__builtin_mul_overflow(time.tv_sec, 1'000'000'000, &result))
    return 0;
  return result + time.tv_nsec;
}

} // namespace

Result<ByteSource> ByteSource::of_file(int fd) {
  struct stat info{};
  if (stat_descriptor(fd, info) != 0)
    return fail("", errno_text(errno));
  if (!S_ISREG(info.st_mode))
    return fail("", "not a regular file");
  ByteSource source;
  source.fd_ = fd;
  source.size_ = static_cast<uint64_t>(std::max<off_t>(info.st_size, 0));
  source.stamp_ = {.device = info.st_dev,
                   .inode = info.st_ino,
                   .size = source.size_,
                   .modified_ns = nanoseconds(info.st_mtim),
                   .changed_ns = nanoseconds(info.st_ctim)};
  return source;
}

ByteSource ByteSource::of_memory(std::span<const std::byte> memory) {
  ByteSource source;
  source.memory_ = memory.data();
  source.size_ = memory.size();
  return source;
}

Result<void> ByteSource::read(uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset)
    return fail("", "it reaches beyond the end of the file");
  size_t done = 0;
  while (done < out.size()) {
    const size_t got = read_some(offset + done, out.subspan(done));
    if (got == 0)
      return fail("", "the file became shorter or could not be read");
    done += got;
  }
  return {};
}

size_t ByteSource::read_some(uint64_t offset, std::span<std::byte> out) const {
  if (offset >= size_)
    return 0;
  const size_t wanted = std::min<uint64_t>(out.size(), size_ - offset);
  if (memory_ != nullptr) {
    std::memcpy(out.data(), memory_ + offset, wanted);
    return wanted;
  }
  for (;;) {
    const ssize_t got = ::pread(fd_, out.data(), wanted, static_cast<off_t>(offset));
    if (got >= 0)
      return static_cast<size_t>(got);
    if (errno != EINTR)
      return 0;
  }
}

Result<std::vector<std::byte>> ByteSource::read_copy(uint64_t offset, uint64_t size,
                                                     uint64_t limit) const {
  if (offset > size_ || size > size_ - offset)
    return fail("", "it reaches beyond the end of the file");
  if (size > limit)
    return fail("", "it has " + std::to_string(size) + " bytes, more than the " +
                        std::to_string(limit) + " that are read");
  std::vector<std::byte> bytes(size);
  auto done = read(offset, bytes);
  if (!done)
    return std::unexpected(done.error());
  return bytes;
}

} // namespace pprofd::symbolizer
