#include "daemon/symbols/debug_search.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <utility>

#include "symbolizer/base/hex.h"
#include "symbolizer/base/saturating.h"

namespace pprofd {

namespace {

// Below this, the worker's own memory is good enough; above, no file is worth it.
constexpr uint64_t kLeastScratch = 1 << 20;
constexpr uint64_t kMostScratch = uint64_t{2} << 30;

// Empty where no disk has the room twice.
Fd make_scratch(uint64_t size) {
  if (size < kLeastScratch || size > kMostScratch)
    return {};
  for (const char* const folder : {"/var/cache/pprofd", "/var/tmp"}) {
    Fd file(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    struct ::statvfs disk{};
    if (file && ::fstatvfs(file.get(), &disk) == 0 && disk.f_bavail * disk.f_frsize / 2 > size &&
        ::posix_fallocate(file.get(), 0, static_cast<off_t>(size)) == 0)
      return file;
  }
  return {};
}

} // namespace

FoundDebug DebugSearch::find(uint64_t id, int fd, const DescribedFile& described) {
  inflated_ = 0;
  FoundDebug found = find_files(id, fd, described);
  found.scratch = make_scratch(inflated_);
  found.scratch_size = found.scratch ? inflated_ : 0;
  return found;
}

FoundDebug DebugSearch::find_files(uint64_t id, int fd, const DescribedFile& described) {
  FoundDebug found;
  const auto known = client_->symbolize(id, fd, {});
  if (known.links.inside) {
    inflated_ = known.links.inflated;
    found.supplementary = find_supplementary(described, described.path, known.links);
    return found;
  }
  for (DebugFile& candidate : files_.find(described, known.build_id, known.links)) {
    const auto its = identify(candidate.fd.get());
    if (!its.failure.empty() || its.build_id != known.build_id)
      continue;
    inflated_ = its.links.inflated;
    DescribedFile there = described;
    there.pid = candidate.pid;
    found.supplementary = find_supplementary(there, candidate.path, its.links);
    found.file = std::move(candidate.fd);
    break;
  }
  return found;
}

Fd DebugSearch::find_supplementary(const DescribedFile& described, const std::string& path,
                                   const symbolizer::DebugLinks& links) {
  for (DebugFile& candidate : files_.find_supplementary(described, path, links)) {
    const auto its = identify(candidate.fd.get());
    if (its.build_id != hex_of(links.supplementary_id))
      continue;
    inflated_ = saturating_add(inflated_, its.links.inflated);
    return std::move(candidate.fd);
  }
  return {};
}

symbolizer::SymbolizedFile DebugSearch::identify(int fd) {
  return client_->symbolize(next_id_++, fd, {});
}

} // namespace pprofd
