#include "daemon/output/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "symbolizer/base/write_bytes.h"

namespace pprofd {

namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kFolderMode = 0750;
constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr int kAttempts = 16;

constexpr std::string_view kTemporaryPrefix = ".pprofd-";
constexpr std::string_view kTemporarySuffix = ".tmp";

std::string random_hex() {
  std::array<unsigned char, 8> bytes{};
  // Cannot fail for so few bytes once the system is up.
  [[maybe_unused]] ssize_t filled = getrandom(bytes.data(), bytes.size(), 0);
  std::string text;
  for (unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

bool is_temporary(std::string_view name) {
  size_t fixed = kTemporaryPrefix.size() + kTemporarySuffix.size();
  if (name.size() != fixed + 16 || !name.starts_with(kTemporaryPrefix) ||
      !name.ends_with(kTemporarySuffix))
    return false;
  return name.substr(kTemporaryPrefix.size(), 16).find_first_not_of("0123456789abcdef") ==
         std::string_view::npos;
}

template <typename Number> bool environment_number(const char* variable, Number& value) {
  const char* text = std::getenv(variable); // read at the start, on one thread
  if (text == nullptr)
    return false;
  std::string_view digits(text);
  auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
  return error == std::errc() && end == digits.end();
}

void give(int fd, const std::optional<Owner>& owner) {
  // Where it does not work (a file system without owners) the file is root's, and still whole.
  if (owner) [[maybe_unused]]
    int ignored = fchown(fd, owner->uid, owner->gid);
}

std::string hint_for(int error) {
  switch (error) {
  case EACCES:
  case EPERM:
    return "choose another place with --output, or run as a user who may write there";
  case EROFS:
    return "the file system is read-only: choose another place with --output";
  case ENOSPC:
  case EDQUOT:
    return "make room there, or choose another place with --output";
  case ENOENT:
    return "create the folder, or end the name in / to have it created";
  default:
    return {};
  }
}

std::unexpected<Error> failed(const std::string& what, int error) {
  return fail_errno(what, error, hint_for(error));
}

// Creates one folder below `parent` (or AT_FDCWD). An empty Fd with errno where it can't.
Fd create_folder(int parent, const std::string& name, const std::optional<Owner>& owner) {
  if (mkdirat(parent, name.c_str(), kFolderMode) != 0)
    return {};
  Fd fd(openat(parent, name.c_str(), kOpenFolder | O_NOFOLLOW));
  struct stat status{};
  if (!fd || fstat(fd.get(), &status) != 0)
    return {};
  // Somebody who may write to the parent could have put another folder in its place.
  if (status.st_uid != geteuid()) {
    errno = EPERM;
    return {};
  }
  give(fd.get(), owner);
  return fd;
}

// The names of a path, without those that mean nothing.
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (!name.empty() && name != ".")
      names.push_back(std::move(name));
  }
  return names;
}

// Whom what is missing of a path is given to, and how its last name is opened.
struct Making {
  std::optional<Owner> above, last;
  int last_flags = 0;
};

// Opens `path`, creating what is missing of it from the left. Says whether the last folder is new.
Fd open_or_create(const std::string& path, const Making& making, bool& created) {
  Fd at(open(path.starts_with('/') ? "/" : ".", kOpenFolder));
  created = false;
  const std::vector<std::string> names = names_of(path);
  for (size_t i = 0; at && i < names.size(); i++) {
    const bool last = i + 1 == names.size();
    Fd next(openat(at.get(), names[i].c_str(), kOpenFolder | (last ? making.last_flags : 0)));
    created = !next && errno == ENOENT;
    if (created)
      next = create_folder(at.get(), names[i], last ? making.last : making.above);
    at = std::move(next);
  }
  return at;
}

// Locks a new temporary file. False where somebody took it for a leftover in the meantime.
bool claim(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return false;
  struct stat status{};
  return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

} // namespace

std::optional<Owner> sudo_owner() {
  Owner owner;
  if (geteuid() != 0 || !environment_number("SUDO_UID", owner.uid) ||
      !environment_number("SUDO_GID", owner.gid))
    return std::nullopt;
  return owner;
}

Result<Fd> open_folder_of(const std::string& path, const std::optional<Owner>& owner,
                          IfOfRoot if_of_root) {
  const std::string what = "open the folder " + path;
  const bool give = owner && if_of_root == IfOfRoot::Given;
  const auto above = owner ? std::optional(Owner{.uid = geteuid(), .gid = owner->gid}) : owner;
  bool created = false;
  Fd folder = open_or_create(
      path, {.above = above, .last = owner, .last_flags = give ? O_NOFOLLOW : 0}, created);
  struct stat status{};
  if (!folder) {
    const int error = errno;
    if (give && lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
      return fail(what, "it is a symbolic link, which is not followed",
                  "give the folder that it leads to");
    return fail_errno(what, error);
  }
  if (!give)
    return folder;
  if (fstat(folder.get(), &status) != 0 ||
      (status.st_uid == 0 && fchown(folder.get(), owner->uid, owner->gid) != 0))
    return fail_errno("give the folder " + path + " to uid " + std::to_string(owner->uid), errno);
  return folder;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : folder_(other.folder_), name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})), synced_(other.synced_),
      fd_(std::move(other.fd_)) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  if (this != &other) {
    discard();
    folder_ = other.folder_;
    name_ = std::move(other.name_);
    temporary_ = std::exchange(other.temporary_, {});
    synced_ = other.synced_;
    fd_ = std::move(other.fd_);
  }
  return *this;
}

OutputFile::~OutputFile() {
  discard();
}

void OutputFile::discard() {
  if (!temporary_.empty())
    unlinkat(folder_->fd_.get(), temporary_.c_str(), 0);
  temporary_.clear();
  fd_.reset();
}

Result<void> OutputFile::write(std::string_view bytes) {
  synced_ = false;
  if (int error = write_bytes(fd_.get(), bytes); error != 0)
    return failed("write " + folder_->path_of(name_), error);
  return {};
}

void OutputFile::set_permissions(mode_t mode) {
  // Where the file system has none, it stays as it is.
  [[maybe_unused]] int ignored = fchmod(fd_.get(), mode);
}

void OutputFile::start_writeback() {
  sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

Result<void> OutputFile::sync() {
  // Not every file system can sync; those keep nothing over a crash anyway.
  if (fsync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS)
    return failed("write " + folder_->path_of(name_), errno);
  synced_ = true;
  return {};
}

Result<void> OutputFile::commit() {
  if (!synced_)
    if (auto ok = sync(); !ok)
      return ok;
  int folder = folder_->fd_.get();
  if (renameat(folder, temporary_.c_str(), folder, name_.c_str()) != 0)
    return failed("write " + folder_->path_of(name_), errno);
  temporary_.clear();
  fd_.reset();
  return {};
}

Result<Folder> Folder::open(const std::string& path, IfMissing if_missing,
                            std::optional<Owner> owner) {
  bool created = false;
  Fd fd = if_missing == IfMissing::Create
              ? open_or_create(path, {.above = owner, .last = owner}, created)
              : Fd(::open(path.empty() ? "." : path.c_str(), kOpenFolder));
  if (!fd)
    return failed("open folder " + (path.empty() ? "." : path), errno);
  Folder folder(path, std::move(fd), created, owner);
  folder.remove_leftovers();
  return folder;
}

Result<Folder> Folder::create_private(const std::string& parent, std::optional<Owner> owner) {
  const std::string what = "create a folder in " + parent;
  Fd above(::open(parent.c_str(), kOpenFolder));
  if (!above)
    return failed(what, errno);
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    std::string name("pprofd-");
    name += random_hex();
    Fd fd = create_folder(above.get(), name, owner);
    if (!fd && errno == EEXIST)
      continue;
    if (!fd)
      return failed(what, errno);
    std::string path(parent);
    path += '/';
    path += name;
    return Folder(std::move(path), std::move(fd), true, owner);
  }
  return failed(what, EEXIST);
}

std::string Folder::path_of(const std::string& name) const {
  if (path_.empty() || path_ == ".")
    return name;
  return path_ + (path_.ends_with('/') ? "" : "/") + name;
}

Result<void> Folder::check_name(const std::string& name) const {
  struct stat status{};
  if (fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      S_ISREG(status.st_mode))
    return {};
  if (S_ISLNK(status.st_mode))
    return fail("write " + path_of(name), "it is a symbolic link, which is not followed",
                "remove the link, or name the file it leads to");
  return fail("write " + path_of(name), "there is something of that name that is not a file",
              "choose another name with --output");
}

Result<OutputFile> Folder::create(const std::string& name) const {
  if (auto ok = check_name(name); !ok)
    return std::unexpected(ok.error());
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    OutputFile file(*this, name);
    std::string temporary(kTemporaryPrefix);
    temporary += random_hex();
    temporary += kTemporarySuffix;
    file.fd_.reset(openat(fd_.get(), temporary.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (!file.fd_ && errno == EEXIST)
      continue;
    if (!file.fd_)
      return failed("create " + path_of(name), errno);
    if (!claim(file.fd_.get()))
      continue;
    file.temporary_ = std::move(temporary);
    give(file.fd_.get(), owner_);
    return file;
  }
  return failed("create " + path_of(name), EEXIST);
}

Result<void> Folder::probe_writable(const std::string& name) const {
  auto file = create(name);
  if (!file)
    return std::unexpected(file.error());
  return file->write(std::string(4096, '\0'));
}

void Folder::sync() const {
  [[maybe_unused]] int ignored = fsync(fd_.get());
}

void Folder::remove_if_unused() const {
  if (created_)
    rmdir(path_.c_str());
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> found;
  Fd again(openat(fd_.get(), ".", kOpenFolder));
  if (!again)
    return found;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(again.get()), closedir);
  if (!stream)
    return found;
  (void)again.release();
  while (const dirent* entry = readdir(stream.get()))
    found.emplace_back(entry->d_name);
  return found;
}

void Folder::remove_leftovers() const {
  for (const std::string& name : names())
    if (is_temporary(name))
      remove_leftover(name.c_str());
}

void Folder::remove_leftover(const char* name) const {
  Fd fd(openat(fd_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status{};
  if (!fd || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return;
  bool ours = status.st_uid == geteuid() || (owner_ && status.st_uid == owner_->uid);
  if (ours && flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
    unlinkat(fd_.get(), name, 0);
}

} // namespace pprofd
