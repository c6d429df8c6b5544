#include "daemon/debuginfod/fetched_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace pprofd {

namespace {

constexpr const char* kTemporary = "/var/tmp";

// The folder for indexes has to be one that only we may write, and so has that for these files.
std::optional<CacheFolder> folder_below(const std::string& cache_folder, uint64_t most_bytes) {
  if (cache_folder.empty())
    return std::nullopt;
  const CacheKind kind{.ending = ".debug", .text = "a debug file", .most_bytes = most_bytes};
  if (!CacheFolder::open(cache_folder, kind))
    return std::nullopt;
  auto below = CacheFolder::open(cache_folder + "/debuginfod", kind);
  return below ? std::optional(std::move(*below)) : std::nullopt;
}

Fd reopen(int fd) {
  return Fd(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
}

} // namespace

int FetchedFiles::Draft::fd() const {
  const Fd* const nameless = std::get_if<Fd>(&file);
  return nameless != nullptr ? nameless->get() : std::get<CacheDraft>(file).fd();
}

FetchedFiles::FetchedFiles(const std::string& cache_folder, uint64_t most_bytes)
    : folder_(folder_below(cache_folder, most_bytes)), held_(most_bytes) {}

Fd FetchedFiles::find(const std::string& build_id) {
  if (folder_)
    return folder_->find(build_id);
  const Fd* const held = held_.find(build_id);
  return held != nullptr ? reopen(held->get()) : Fd();
}

Result<FetchedFiles::Draft> FetchedFiles::begin() {
  if (folder_) {
    auto draft = folder_->begin(0);
    if (!draft)
      return std::unexpected(draft.error());
    return Draft{.file = std::move(*draft), .room = std::min(folder_->room(), kMostFile)};
  }
  Fd file(::open(kTemporary, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  struct ::statvfs disk{};
  if (!file || ::fstatvfs(file.get(), &disk) != 0)
    return fail_errno(std::string("make a file in ") + kTemporary, errno);
  const uint64_t room = disk.f_bavail * disk.f_frsize / 2;
  if (room == 0)
    return fail(std::string("make a file in ") + kTemporary, "the disk has no room");
  return Draft{.file = std::move(file), .room = std::min(room, kMostFile)};
}

Result<void> FetchedFiles::keep(Draft draft, uint64_t size, const std::string& build_id) {
  struct ::stat info{};
  if (::fstat(draft.fd(), &info) != 0 || static_cast<uint64_t>(info.st_size) != size)
    return fail("keep what was fetched", "it is not as large as it was said to be");
  if (folder_)
    return folder_->keep(std::move(std::get<CacheDraft>(draft.file)), size, build_id);
  drop(build_id);
  held_.put(build_id, std::move(std::get<Fd>(draft.file)), size);
  return {};
}

void FetchedFiles::drop(const std::string& build_id) {
  if (folder_)
    folder_->drop(build_id);
  else
    held_.erase(build_id);
}

} // namespace pprofd
