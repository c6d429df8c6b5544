// Indexes of files (symbolizer/index), kept in a folder from one run to the next. What is in an
// index is looked at by the worker alone. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/cache/cache_folder.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Which folder, if any.
struct IndexCacheChoice {
  std::string folder;  // empty: none
  bool needed = false; // that it can't be used is a failure; otherwise there is none then
};

class IndexCache {
public:
  static constexpr uint64_t kMostBytes = uint64_t{1} << 30;

  // As CacheFolder has these and what follows.
  static Result<IndexCache> open(const std::string& folder, uint64_t most_bytes = kMostBytes);
  [[nodiscard]] Result<IndexCache> again() const;

  // The chosen one; nothing where there is none.
  static Result<std::optional<IndexCache>> open_chosen(const IndexCacheChoice& choice);

  // The index that was kept under `key`; empty: there is none.
  Fd find(const std::string& key) { return files_.find(key); }
  Result<CacheDraft> begin(uint64_t room) { return files_.begin(room); }
  Result<void> keep(CacheDraft draft, uint64_t size, const std::string& key) {
    return files_.keep(std::move(draft), size, key);
  }
  void drop(const std::string& key) { files_.drop(key); }

private:
  static Result<IndexCache> from(Result<CacheFolder> files);
  explicit IndexCache(CacheFolder files) : files_(std::move(files)) {}

  CacheFolder files_;
};

} // namespace pprofd
