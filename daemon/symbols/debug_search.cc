#include "daemon/symbols/debug_search.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <chrono>
#include <initializer_list>
#include <utility>

#include "symbolizer/base/hex.h"
#include "symbolizer/base/saturating.h"

namespace pprofd {

namespace {

// Below this, the worker's own memory is good enough; above, no file is worth it.
constexpr uint64_t kLeastScratch = 1 << 20;
constexpr uint64_t kMostScratch = uint64_t{2} << 30;
// Of one file's split units, all together: others wait meanwhile.
constexpr std::chrono::seconds kOpeningSplitFiles{10};

uint64_t size_of(int fd) {
  struct ::stat info{};
  return fd >= 0 && ::fstat(fd, &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

// What tells these files from all others, and from themselves before they were written to: a change
// time can't be set.
std::string key_of(std::initializer_list<int> files) {
  std::string key;
  for (const int fd : files) {
    struct ::stat info{};
    if (fd >= 0 && ::fstat(fd, &info) == 0)
      key += fmt::format("{}{:x}-{:x}-{:x}-{:x}.{:x}", key.empty() ? "" : "-", info.st_dev,
                         info.st_ino, info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  }
  return key;
}

} // namespace

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

FoundDebug DebugSearch::find(const symbolizer::SymbolizedFile& known, int fd,
                             const DescribedFile& described) {
  FoundDebug found = find_files(known, described);
  found.described_size = saturating_add(
      found.inflated, size_of(found.supplementary.get()) + size_of(found.package.get()) +
                          size_of(found.file ? found.file.get() : fd));
  if (cache_ != nullptr) {
    found.index_key =
        key_of({fd, found.file.get(), found.supplementary.get(), found.package.get()});
    found.index = cache_->find(found.index_key);
  }
  if (!found.index)
    found.scratch = make_scratch(found.inflated);
  return found;
}

FoundDebug DebugSearch::find_files(const symbolizer::SymbolizedFile& known,
                                   const DescribedFile& described) {
  FoundDebug found;
  if (known.links.inside) {
    found.inflated = known.links.inflated;
    add_supplementary(described, described.path, known.links, found);
    add_package(described, described.path, found);
    return found;
  }
  for (DebugFile& candidate : files_.find(described, known.build_id, known.links)) {
    const auto its = identify(candidate.fd.get());
    if (!its.failure.empty() || its.build_id != known.build_id)
      continue;
    found.inflated = its.links.inflated;
    DescribedFile there = described;
    there.pid = candidate.pid;
    add_supplementary(there, candidate.path, its.links, found);
    add_package(there, candidate.path, found);
    found.file = std::move(candidate.fd);
    found.path = std::move(candidate.path);
    break;
  }
  return found;
}

void DebugSearch::add_supplementary(const DescribedFile& described, const std::string& path,
                                    const symbolizer::DebugLinks& links, FoundDebug& found) {
  for (DebugFile& candidate : files_.find_supplementary(described, path, links)) {
    const auto its = identify(candidate.fd.get());
    if (its.build_id != hex_of(links.supplementary_id))
      continue;
    found.inflated = saturating_add(found.inflated, its.links.inflated);
    found.supplementary = std::move(candidate.fd);
    return;
  }
}

void DebugSearch::add_package(const DescribedFile& described, const std::string& path,
                              FoundDebug& found) {
  if (found.supplementary)
    return;
  for (DebugFile& candidate : files_.find_package(described, path)) {
    found.package = std::move(candidate.fd);
    return;
  }
  found.split_files = opener_for(described, path);
}

symbolizer::SplitFileOpener DebugSearch::opener_for(DescribedFile described, std::string path) {
  return [this, described = std::move(described), path = std::move(path),
          left = std::chrono::nanoseconds(kOpeningSplitFiles)](const std::string& folder,
                                                               const std::string& name) mutable {
    std::vector<Fd> opened;
    if (left.count() <= 0)
      return opened;
    const auto begun = std::chrono::steady_clock::now();
    for (DebugFile& file : files_.find_split(described, path, folder, name))
      opened.push_back(std::move(file.fd));
    left -= std::chrono::steady_clock::now() - begun;
    return opened;
  };
}

symbolizer::SymbolizedFile DebugSearch::identify(int fd) {
  return client_->symbolize(next_id_++, fd, {});
}

} // namespace pprofd
