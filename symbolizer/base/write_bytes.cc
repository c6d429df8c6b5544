#include "symbolizer/base/write_bytes.h"

#include <unistd.h>

#include <cerrno>

namespace pprofd {

namespace {

// `write` is told what is left, and how much is done.
template <typename Write> int write_all(std::string_view bytes, const Write& write) {
  uint64_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = write(bytes.substr(done), done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return written == 0 ? EIO : errno;
    done += static_cast<uint64_t>(written);
  }
  return 0;
}

} // namespace

int write_bytes(int fd, std::string_view bytes) {
  return write_all(bytes, [fd](std::string_view left, uint64_t) {
    return ::write(fd, left.data(), left.size());
  });
}

int write_bytes(int fd, std::string_view bytes, uint64_t offset) {
  return write_all(bytes, [fd, offset](std::string_view left, uint64_t done) {
    return ::pwrite(fd, left.data(), left.size(), static_cast<off_t>(offset + done));
  });
}

} // namespace pprofd
