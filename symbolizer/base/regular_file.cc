#include "symbolizer/base/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace pprofd {

Result<RegularFile> open_regular_file(const std::string& path, const std::string& what) {
  RegularFile file;
  file.fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct ::stat info{};
  if (!file.fd || ::fstat(file.fd.get(), &info) != 0)
    return fail_errno(what, errno);
  if (!S_ISREG(info.st_mode))
    return fail(what, "not a regular file");
  file.size = static_cast<uint64_t>(info.st_size);
  file.modified = (int64_t{info.st_mtim.tv_sec} * 1'000'000'000) + info.st_mtim.tv_nsec;
  file.uid = info.st_uid;
  file.gid = info.st_gid;
  return file;
}

} // namespace pprofd
