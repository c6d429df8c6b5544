// Indexes of files, kept in a folder from one run to the next and shared by all that may read it
// (symbolizer/index). Bounded in size: what was not used for longest goes first.
//
// Nothing in an index is looked at here: that is the worker's. What counts is that nobody else
// wrote it: folder and files are taken only where they belong to root, to who runs this or, where
// that is root, to the service's own user, whom no other program runs as; and nobody else may write
// them. A new index gets its name when it is complete. One thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// A file in the folder that is to become an index; it goes when this goes.
class IndexDraft {
public:
  IndexDraft(Fd file, int folder, std::string name)
      : file_(std::move(file)), folder_(folder), name_(std::move(name)) {}
  IndexDraft(IndexDraft&& other) noexcept
      : file_(std::move(other.file_)), folder_(other.folder_),
        name_(std::exchange(other.name_, {})) {}
  IndexDraft& operator=(IndexDraft&&) = delete;
  IndexDraft(const IndexDraft&) = delete;
  IndexDraft& operator=(const IndexDraft&) = delete;
  ~IndexDraft();

  [[nodiscard]] int fd() const { return file_.get(); }

private:
  friend class IndexCache;
  Fd file_;
  int folder_; // the cache's, which outlives this
  std::string name_;
};

// Which folder, if any.
struct IndexCacheChoice {
  std::string folder;  // empty: none
  bool needed = false; // that it can't be used is a failure; otherwise there is none then
};

class IndexCache {
public:
  static constexpr uint64_t kMostBytes = uint64_t{1} << 30;

  // Makes the folder, but not those around it. Fails where it is not ours alone.
  static Result<IndexCache> open(const std::string& folder, uint64_t most_bytes = kMostBytes);

  // The chosen one; nothing where there is none.
  static Result<std::optional<IndexCache>> open_chosen(const IndexCacheChoice& choice);

  // The same folder, for another thread.
  [[nodiscard]] Result<IndexCache> again() const { return open(path_, most_bytes_); }

  // The index that was kept under `key`, of letters, digits, '-' and '.'; open for reading. Empty:
  // there is none.
  Fd find(const std::string& key);

  // A file of `room` bytes, which are the disk's already. Fails where it has not got them twice.
  Result<IndexDraft> begin(uint64_t room);
  // Keeps its first `size` bytes as the index of that key, in place of what was there.
  Result<void> keep(IndexDraft draft, uint64_t size, const std::string& key);
  void drop(const std::string& key);

private:
  IndexCache(Fd folder, uid_t owner, std::string path, uint64_t most_bytes)
      : folder_(std::move(folder)), owner_(owner), path_(std::move(path)), most_bytes_(most_bytes) {
  }
  void shrink();

  Fd folder_;
  uid_t owner_; // of the folder
  std::string path_;
  uint64_t most_bytes_;
};

} // namespace pprofd
