#include "daemon/symbols/index_cache.h"

namespace pprofd {

Result<IndexCache> IndexCache::open(const std::string& folder, uint64_t most_bytes) {
  return from(CacheFolder::open(
      folder, {.ending = ".index", .text = "an index", .most_bytes = most_bytes}));
}

Result<IndexCache> IndexCache::again() const {
  return from(files_.again());
}

Result<IndexCache> IndexCache::from(Result<CacheFolder> files) {
  if (!files)
    return std::unexpected(files.error());
  return IndexCache(std::move(*files));
}

Result<std::optional<IndexCache>> IndexCache::open_chosen(const IndexCacheChoice& choice) {
  if (choice.folder.empty())
    return std::nullopt;
  auto cache = open(choice.folder);
  if (cache)
    return std::move(*cache);
  if (choice.needed)
    return std::unexpected(cache.error());
  return std::nullopt;
}

} // namespace pprofd
