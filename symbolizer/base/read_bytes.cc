#include "symbolizer/base/read_bytes.h"

#include <unistd.h>

#include <cerrno>

namespace pprofd {

Result<std::string> read_bytes(int fd, uint64_t offset, uint64_t most, const std::string& what) {
  std::string bytes(most, '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data() + filled, bytes.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_errno(what, errno);
    if (got == 0)
      break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

} // namespace pprofd
