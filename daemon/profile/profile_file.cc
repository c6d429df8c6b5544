#include "daemon/profile/profile_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "symbolizer/base/fd.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

constexpr size_t kLargestFile = size_t{1} << 30;

std::unexpected<Error> in_file(const std::string& file, Error error) {
  error.why = error.what + ": " + error.why;
  error.what = "read " + file;
  return std::unexpected(std::move(error));
}

Result<std::string> read_all(int fd, const std::string& name) {
  constexpr size_t kChunk = size_t{1} << 20;
  std::string bytes;
  size_t filled = 0;
  for (;;) {
    bytes.resize(filled + kChunk);
    ssize_t got = ::read(fd, bytes.data() + filled, kChunk);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_errno("read " + name, errno,
                        errno == EISDIR ? "name the profiles in the folder: " + name + "/*.pb.gz"
                                        : "");
    filled += static_cast<size_t>(got);
    if (got == 0)
      break;
    if (filled > kLargestFile)
      return fail("read " + name, "it is larger than 1 GB");
  }
  bytes.resize(filled);
  return bytes;
}

} // namespace

Result<proto::Profile> read_profile(const std::string& file) {
  Fd opened;
  int fd = STDIN_FILENO;
  if (file != "-") {
    opened.reset(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!opened)
      return fail_errno("read " + file, errno);
    fd = opened.get();
  }
  auto bytes = read_all(fd, file == "-" ? "standard input" : file);
  if (!bytes)
    return std::unexpected(bytes.error());
  auto profile = parse_profile(*bytes);
  if (!profile)
    return in_file(file, profile.error());
  return profile;
}

} // namespace pprofd
