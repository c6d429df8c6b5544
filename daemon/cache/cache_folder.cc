#include "daemon/cache/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "symbolizer/worker/privileges.h"

namespace pprofd {
namespace {

constexpr std::string_view kDraft = ".making-";
constexpr time_t kDraftLife = 3600; // seconds; who made it is gone then

constexpr const char* kServiceUser = "pprofd";

// Whether only root, this process's user or `also` can have written it.
bool is_ours(const struct ::stat& info, uid_t also) {
  return (info.st_uid == 0 || info.st_uid == ::geteuid() || info.st_uid == also) &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// Whom root trusts with names beside itself: the service writes what root reads, and root what the
// service reads. Root where there is no such user, or for whoever else runs this.
uid_t trusted_user() {
  const auto service = symbolizer::unprivileged_user();
  return ::geteuid() == 0 && service.name == kServiceUser ? service.uid : 0;
}

struct KeptFile {
  std::string name;
  uint64_t size = 0;
  time_t used = 0;
};

std::vector<KeptFile> files_in(int folder) {
  std::vector<KeptFile> files;
  const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0)
    return files;
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(again), ::closedir);
  if (list == nullptr) {
    ::close(again);
    return files;
  }
  while (const dirent* const entry = ::readdir(list.get())) {
    struct ::stat info{};
    if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode))
      files.push_back({.name = entry->d_name,
                       .size = static_cast<uint64_t>(info.st_size),
                       .used = info.st_mtime});
  }
  return files;
}

} // namespace

CacheDraft::~CacheDraft() {
  if (!name_.empty())
    ::unlinkat(folder_, name_.c_str(), 0);
}

Result<CacheFolder> CacheFolder::open(const std::string& folder, CacheKind kind) {
  const std::string what = "use cache folder " + folder;
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return fail_errno(what, errno, "give another with --cache, or --cache none");
  Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct ::stat info{};
  if (!opened || ::fstat(opened.get(), &info) != 0)
    return fail_errno(what, errno, "give another with --cache, or --cache none");
  if (!is_ours(info, trusted_user()))
    return fail(what, "others may write it", "give one that only you may write with --cache");
  return CacheFolder(std::move(opened), info.st_uid, folder, std::move(kind));
}

Fd CacheFolder::find(const std::string& key) {
  Fd file(::openat(folder_.get(), name_of(key).c_str(),
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct ::stat info{};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || !is_ours(info, owner_))
    return {};
  ::futimens(file.get(), nullptr); // used now
  return file;
}

uint64_t CacheFolder::room() const {
  struct ::statvfs disk{};
  return ::fstatvfs(folder_.get(), &disk) == 0 ? disk.f_bavail * disk.f_frsize / 2 : 0;
}

Result<CacheDraft> CacheFolder::begin(uint64_t room) {
  static std::atomic<uint64_t> number = 0;
  const std::string what = "make " + kind_.text + " in " + path_;
  std::string name =
      std::string(kDraft) + std::to_string(::getpid()) + "-" + std::to_string(++number);
  if (this->room() <= room)
    return fail(what, "the disk has no room");
  Fd file(::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                   S_IRUSR | S_IWUSR));
  if (!file)
    return fail_errno(what, errno);
  CacheDraft draft(std::move(file), folder_.get(), std::move(name));
  // A page that the disk has not got would end the worker that writes it.
  const int failure = room == 0 ? 0 : ::posix_fallocate(draft.fd(), 0, static_cast<off_t>(room));
  if (failure != 0)
    return fail_errno(what, failure);
  return draft;
}

Result<void> CacheFolder::keep(CacheDraft draft, uint64_t size, const std::string& key) {
  const std::string what = "keep " + kind_.text + " in " + path_;
  if (::ftruncate(draft.fd(), static_cast<off_t>(size)) != 0)
    return fail_errno(what, errno);
  if (::renameat(folder_.get(), draft.name_.c_str(), folder_.get(), name_of(key).c_str()) != 0)
    return fail_errno(what, errno);
  draft.name_.clear();
  shrink();
  return {};
}

void CacheFolder::drop(const std::string& key) {
  ::unlinkat(folder_.get(), name_of(key).c_str(), 0);
}

void CacheFolder::shrink() {
  std::vector<KeptFile> files = files_in(folder_.get());
  const time_t now = ::time(nullptr);
  for (const KeptFile& file : files)
    if (file.name.starts_with(kDraft) && file.used < now - kDraftLife)
      ::unlinkat(folder_.get(), file.name.c_str(), 0);
  std::erase_if(files, [this](const KeptFile& file) { return !file.name.ends_with(kind_.ending); });
  std::ranges::sort(files, std::ranges::greater(), &KeptFile::used);
  uint64_t total = 0;
  for (const KeptFile& file : files) {
    total += file.size;
    if (total > kind_.most_bytes)
      ::unlinkat(folder_.get(), file.name.c_str(), 0);
  }
}

} // namespace pprofd
