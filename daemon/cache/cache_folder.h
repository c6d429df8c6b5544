// A folder in which files of one kind are kept from one run to the next, shared by all that may
// read it. Bounded in size: what was not used for longest goes first.
//
// Nothing in a file is looked at here. What counts is that nobody else wrote it: folder and files
// are taken only where they belong to root, to who runs this or, where that is root, to the
// service's own user, whom no other program runs as; and nobody else may write them. A new file
// gets its name when it is complete. One thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// A file in the folder that is to be kept; it goes when this goes.
class CacheDraft {
public:
  CacheDraft(Fd file, int folder, std::string name)
      : file_(std::move(file)), folder_(folder), name_(std::move(name)) {}
  CacheDraft(CacheDraft&& other) noexcept
      : file_(std::move(other.file_)), folder_(other.folder_),
        name_(std::exchange(other.name_, {})) {}
  CacheDraft& operator=(CacheDraft&&) = delete;
  CacheDraft(const CacheDraft&) = delete;
  CacheDraft& operator=(const CacheDraft&) = delete;
  ~CacheDraft();

  [[nodiscard]] int fd() const { return file_.get(); }

private:
  friend class CacheFolder;
  Fd file_;
  int folder_; // the cache's, which outlives this
  std::string name_;
};

// What is kept.
struct CacheKind {
  std::string ending;      // of names: ".index"
  std::string text;        // for messages: "an index"
  uint64_t most_bytes = 0; // of all together
};

class CacheFolder {
public:
  // Makes the folder, but not those around it. Fails where it is not ours alone.
  static Result<CacheFolder> open(const std::string& folder, CacheKind kind);

  // The same folder, for another thread.
  [[nodiscard]] Result<CacheFolder> again() const { return open(path_, kind_); }

  // What was kept under `key`, of letters, digits, '-' and '.'; open for reading. Empty: nothing.
  Fd find(const std::string& key);

  // A file of `room` bytes, which are the disk's already; 0: it grows with what is written. Fails
  // where the disk has not got them twice.
  Result<CacheDraft> begin(uint64_t room);
  // Bytes that the disk has left for a file of ours.
  [[nodiscard]] uint64_t room() const;
  // Keeps its first `size` bytes under that key, in place of what was there.
  Result<void> keep(CacheDraft draft, uint64_t size, const std::string& key);
  void drop(const std::string& key);

private:
  CacheFolder(Fd folder, uid_t owner, std::string path, CacheKind kind)
      : folder_(std::move(folder)), owner_(owner), path_(std::move(path)), kind_(std::move(kind)) {}
  [[nodiscard]] std::string name_of(const std::string& key) const { return key + kind_.ending; }
  void shrink();

  Fd folder_;
  uid_t owner_; // of the folder
  std::string path_;
  CacheKind kind_;
};

} // namespace pprofd
