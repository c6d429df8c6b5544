#include "daemon/ship/send/file_sender.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "symbolizer/base/write_bytes.h"

namespace pprofd::ship {

namespace {

constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr const char* kTemporary = ".pprofd-shipping.tmp"; // one at a time
constexpr int kDone = 200;

} // namespace

Result<FileSender> FileSender::open(const std::string& folder) {
  Fd opened(::open(folder.c_str(), kOpenFolder));
  if (!opened || ::faccessat(opened.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
    return fail_errno("write to " + folder, errno);
  return FileSender(std::move(opened));
}

// Makes what is missing of it; a new folder's name is on the disk before it is used.
Result<Fd> FileSender::open_below(const std::string& path) const {
  Fd at(::openat(folder_.get(), ".", kOpenFolder));
  for (size_t begin = 0; at && begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (::mkdirat(at.get(), name.c_str(), 0750) == 0)
      ::fsync(at.get());
    else if (errno != EEXIST)
      return fail_errno("make the folder " + path, errno);
    at.reset(::openat(at.get(), name.c_str(), kOpenFolder));
  }
  if (!at)
    return fail_errno("open the folder " + path, errno);
  return at;
}

Result<void> FileSender::write_file(const Parcel& parcel) const {
  const size_t slash = std::min(parcel.url.rfind('/'), parcel.url.size());
  const auto folder = open_below(parcel.url.substr(0, slash));
  if (!folder)
    return std::unexpected(folder.error());
  const std::string what = "write " + parcel.url;
  const Fd file(::openat(folder->get(), kTemporary,
                         O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file)
    return fail_errno(what, errno);
  if (int error = write_bytes(file.get(), parcel.body); error != 0)
    return fail_errno(what, error);
  if (::fsync(file.get()) != 0 ||
      ::renameat(folder->get(), kTemporary, folder->get(), parcel.url.substr(slash + 1).c_str()) !=
          0 ||
      ::fsync(folder->get()) != 0)
    return fail_errno(what, errno);
  return {};
}

Reply FileSender::write(const Parcel& parcel) const {
  Reply reply;
  if (const auto written = write_file(parcel); !written)
    reply.problem = text_of(written.error());
  else
    reply.status = kDone;
  return reply;
}

} // namespace pprofd::ship
