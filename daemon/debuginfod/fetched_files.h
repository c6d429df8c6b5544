// Files that have been fetched, by build id: in a folder below that of --cache, from one run to the
// next, or, where there is none that can be used, without a name and as long as this. Bounded in
// bytes; what was not used for longest goes first. Nobody but the daemon's user can open them. What
// is in them is a stranger's word: whoever uses one has the worker read its build id first.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "daemon/cache/cache_folder.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class FetchedFiles {
public:
  static constexpr uint64_t kMostBytes = uint64_t{2} << 30; // of all
  static constexpr uint64_t kMostFile = uint64_t{1} << 30;  // of one

  // One that is to be kept; it goes when this goes.
  struct Draft {
    std::variant<CacheDraft, Fd> file;
    uint64_t room = 0; // bytes that it may take

    [[nodiscard]] int fd() const;
  };

  // `cache_folder`: where indexes are kept too; empty: none.
  explicit FetchedFiles(const std::string& cache_folder, uint64_t most_bytes = kMostBytes);

  // Open for reading; empty: not there.
  Fd find(const std::string& build_id);
  Result<Draft> begin();
  // Errors: it has not got that size.
  Result<void> keep(Draft draft, uint64_t size, const std::string& build_id);
  void drop(const std::string& build_id);

private:
  std::optional<CacheFolder> folder_;
  LruCache<std::string, Fd> held_; // without a folder
};

} // namespace pprofd
