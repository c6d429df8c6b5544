#include "daemon/symbols/debug_search.h"

#include <utility>

#include "symbolizer/base/hex.h"

namespace pprofd {

FoundDebug DebugSearch::find(uint64_t id, int fd, const DescribedFile& described) {
  const auto known = client_->symbolize(id, fd, {});
  if (known.links.inside)
    return {.file = {},
            .supplementary = find_supplementary(described, described.path, known.links)};
  for (DebugFile& candidate : files_.find(described, known.build_id, known.links)) {
    const auto its = identify(candidate.fd.get());
    if (!its.failure.empty() || its.build_id != known.build_id)
      continue;
    DescribedFile there = described;
    there.pid = candidate.pid;
    Fd supplementary = find_supplementary(there, candidate.path, its.links);
    return {.file = std::move(candidate.fd), .supplementary = std::move(supplementary)};
  }
  return {};
}

Fd DebugSearch::find_supplementary(const DescribedFile& described, const std::string& path,
                                   const symbolizer::DebugLinks& links) {
  for (DebugFile& candidate : files_.find_supplementary(described, path, links))
    if (identify(candidate.fd.get()).build_id == hex_of(links.supplementary_id))
      return std::move(candidate.fd);
  return {};
}

symbolizer::SymbolizedFile DebugSearch::identify(int fd) {
  return client_->symbolize(next_id_++, fd, {});
}

} // namespace pprofd
