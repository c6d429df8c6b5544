// A folder that output goes to, and files in it that appear whole or not at all.
//
// A file is written under a temporary name in the same folder and renamed when its contents are on
// the disk. A temporary file is locked (flock) while its writer lives: what a killed process left
// behind is unlocked, and the next one that opens the folder removes it. Symbolic links in place of
// a file are never followed. One thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Whom new files and folders are given to.
struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// The user who called sudo, where this process is root by way of it: SUDO_UID and SUDO_GID.
std::optional<Owner> sudo_owner();

enum class IfOfRoot { Stays, Given };

// Opens a folder for a process that will be `owner`; nothing: it stays who it is. What is missing
// is created with mode 0750: the folder is the owner's, those above it stay this process's, and the
// owner's group passes through them. One that is there and root's is given to the owner, or stays.
// A symbolic link in the place of one that is to be given is an Error: others could place it there.
Result<Fd> open_folder_of(const std::string& path, const std::optional<Owner>& owner,
                          IfOfRoot if_of_root);

class Folder;

// A file that is being written. Removed unless it is committed. The folder outlives it.
class OutputFile {
public:
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  Result<void> write(std::string_view bytes);
  // Who may read and write it, instead of what create() gave it.
  void set_permissions(mode_t mode);
  // Lets the kernel begin to write to the disk.
  void start_writeback();
  // Waits for the disk. Several files may wait at once, each on a thread of its own: the file
  // system then writes its journal for all of them.
  Result<void> sync();
  // Gives the file its name, in place of one that was there, once it is on the disk.
  Result<void> commit();

  [[nodiscard]] const std::string& name() const { return name_; }

private:
  friend class Folder;
  OutputFile(const Folder& folder, std::string name) : folder_(&folder), name_(std::move(name)) {}

  void discard();

  const Folder* folder_;
  std::string name_;
  std::string temporary_; // empty once it is gone
  bool synced_ = false;
  Fd fd_;
};

enum class IfMissing { Fail, Create };

class Folder {
public:
  // Opens a folder; creates it, and the folders above it that are missing, with mode 0750.
  // Removes what killed processes left in it.
  static Result<Folder> open(const std::string& path, IfMissing if_missing,
                             std::optional<Owner> owner);
  // A new folder with a name nobody can foresee, for a place that others write to as well.
  static Result<Folder> create_private(const std::string& parent, std::optional<Owner> owner);

  Folder(Folder&&) noexcept = default;
  Folder& operator=(Folder&&) noexcept = default;

  // A file to be named `name`, mode 0640. Fails where that name belongs to something that is not
  // a regular file, a symbolic link included.
  Result<OutputFile> create(const std::string& name) const;

  // Whether `name` could be created and written now: tried with a temporary file of one page.
  Result<void> probe_writable(const std::string& name) const;

  // Waits until the names in the folder are on the disk.
  void sync() const;

  // Removes the folder if this object created it and nothing is in it.
  void remove_if_unused() const;

  // The names of what is in the folder, in no order.
  [[nodiscard]] std::vector<std::string> names() const;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The path of a file in it.
  [[nodiscard]] std::string path_of(const std::string& name) const;

private:
  friend class OutputFile;
  Folder(std::string path, Fd fd, bool created, std::optional<Owner> owner)
      : path_(std::move(path)), fd_(std::move(fd)), created_(created), owner_(owner) {}

  void remove_leftovers() const;
  void remove_leftover(const char* name) const;
  Result<void> check_name(const std::string& name) const;

  std::string path_;
  Fd fd_;
  bool created_ = false;
  std::optional<Owner> owner_;
};

} // namespace pprofd
