#include "daemon/process/files/file_opener.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <string_view>

#include "daemon/process/deleted.h"

namespace pprofd {

namespace {

constexpr int kRenameRaces = 4; // how often openat2 may say EAGAIN

std::string proc_path(const std::string& root, pid_t pid, std::string_view file) {
  std::string path = root + '/' + std::to_string(pid) + '/';
  path.append(file);
  return path;
}

std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<size_t>(length)) : std::string();
}

bool on_users_file_system(const Fd& fd) {
  struct ::statfs info{};
  return ::fstatfs(fd.get(), &info) != 0 || info.f_type == FUSE_SUPER_MAGIC;
}

// Reopens what an O_PATH descriptor stands for, if that is a regular file.
Result<OpenedFile> open_regular(const Fd& path_fd, const std::string& what) {
  struct ::stat info{};
  if (::fstat(path_fd.get(), &info) != 0)
    return fail_errno("look at " + what, errno);
  if (!S_ISREG(info.st_mode))
    return fail("open " + what, "not a regular file");
  const std::string self = "/proc/self/fd/" + std::to_string(path_fd.get());
  OpenedFile file;
  file.fd = Fd(::open(self.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.fd)
    return fail_errno("open " + what, errno);
  file.identity = identity_of(info);
  file.deleted = info.st_nlink == 0;
  file.owned_by_root = info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
                       !on_users_file_system(file.fd);
  return file;
}

bool same_generation(const Fd& fd, uint64_t expected) {
  unsigned int generation = 0;
  // A file system that does not tell has given the kernel no generation worth comparing.
  if (expected == 0 || ::ioctl(fd.get(), FS_IOC_GETVERSION, &generation) != 0)
    return true;
  return generation == static_cast<unsigned int>(expected);
}

// Whether the file is known to be the one asked for. Where the kernel gave neither inode nor build
// id, only a link of the kernel's own (`exact`) will do.
bool is_wanted(const OpenedFile& file, const OpenRequest& request, bool exact) {
  if (request.expected != FileIdentity{})
    return file.identity == request.expected;
  // Overlays and btrfs subvolumes number their device differently in mappings and in stat(2); only
  // where the device agrees does the inode say anything.
  if (request.inode != 0 && file.identity.device == request.device)
    return file.identity.inode == request.inode && same_generation(file.fd, request.generation);
  return exact || request.verifiable;
}

std::unexpected<Error> another_file(const std::string& what) {
  return fail("open " + what, "another file than the mapped one");
}

} // namespace

FileIdentity identity_of(const struct ::stat& info) {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<uint64_t>(info.st_size),
          .modified = (int64_t{info.st_mtim.tv_sec} * 1'000'000'000) + info.st_mtim.tv_nsec};
}

Result<OpenedFile> FileOpener::open(const OpenRequest& request) const {
  Error first;
  const auto keep_first = [&](const Result<OpenedFile>& failed) {
    if (first.what.empty())
      first = failed.error();
  };
  if (request.pid != 0) {
    Result<OpenedFile> file = by_map_files(request);
    if (!file) {
      keep_first(file);
      file = by_name(request, request.pid);
    }
    if (!file)
      file = by_exe(request);
    if (file)
      return file;
  }
  for (const pid_t other : request.others) {
    Result<OpenedFile> file = by_name(request, other);
    if (file) {
      file->by = OpenedBy::other_process;
      return file;
    }
    keep_first(file);
  }
  if (first.what.empty())
    return fail("open " + request.name, "the process had gone");
  return std::unexpected(std::move(first));
}

Result<OpenedFile> FileOpener::by_map_files(const OpenRequest& request) const {
  std::array<char, 64> range{};
  std::snprintf(range.data(), range.size(), "map_files/%llx-%llx",
                static_cast<unsigned long long>(request.start.value),
                static_cast<unsigned long long>(request.end.value));
  const std::string path = proc_path(proc_root_, request.pid, range.data());
  const Fd path_fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!path_fd)
    return fail_errno("open " + path, errno);
  Result<OpenedFile> file = open_regular(path_fd, request.name);
  if (!file)
    return file;
  // The process may have executed another program since: then the name gives it away, or the
  // inode, or what the reader finds.
  const bool same_name = without_deleted(link_target(path)) == request.name;
  if (!is_wanted(*file, request, same_name))
    return another_file(request.name);
  file->by = OpenedBy::map_files;
  return file;
}

Result<OpenedFile> FileOpener::open_name(pid_t through, const std::string& name) const {
  const std::string root = through == 0 ? "/" : proc_path(proc_root_, through, "root");
  const Fd root_fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_fd)
    return fail_errno("open " + root, errno);
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long opened = -1;
  for (int attempt = 0; attempt < kRenameRaces; ++attempt) {
    opened = ::syscall(SYS_openat2, root_fd.get(), name.c_str(), &how, sizeof(how));
    if (opened >= 0 || errno != EAGAIN)
      break;
  }
  if (opened < 0)
    return fail_errno("open " + name, errno);
  Result<OpenedFile> file = open_regular(Fd(static_cast<int>(opened)), name);
  if (file)
    file->by = OpenedBy::name;
  return file;
}

Result<OpenedFile> FileOpener::by_name(const OpenRequest& request, pid_t through) const {
  if (request.deleted || !request.name.starts_with('/'))
    return fail("open " + request.name, "no name leads to it");
  Result<OpenedFile> file = open_name(through, request.name);
  if (file && !is_wanted(*file, request, false))
    return another_file(request.name);
  return file;
}

Result<OpenedFile> FileOpener::by_exe(const OpenRequest& request) const {
  const std::string path = proc_path(proc_root_, request.pid, "exe");
  if (without_deleted(link_target(path)) != request.name)
    return fail("open " + request.name, "it is not the program of the process");
  const Fd path_fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!path_fd)
    return fail_errno("open " + path, errno);
  Result<OpenedFile> file = open_regular(path_fd, request.name);
  if (!file)
    return file;
  if (!is_wanted(*file, request, true))
    return another_file(request.name);
  file->by = OpenedBy::exe;
  return file;
}

} // namespace pprofd
