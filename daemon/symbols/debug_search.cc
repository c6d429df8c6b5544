#include "daemon/symbols/debug_search.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "daemon/debuginfod/debuginfod.h"
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

struct KeyPart {
  int fd = -1;
  std::string_view fetched; // its build id
};

// What tells these files from all others, and from themselves before they were written to: a change
// time can't be set. Those of fetched files change with each use; their build ids say what they
// are.
std::string key_of(std::initializer_list<KeyPart> files) {
  std::string key;
  for (const KeyPart& file : files) {
    const char* const between = key.empty() ? "" : "-";
    struct ::stat info{};
    if (!file.fetched.empty())
      key += fmt::format("{}{}", between, file.fetched);
    else if (file.fd >= 0 && ::fstat(file.fd, &info) == 0)
      key += fmt::format("{}{:x}-{:x}-{:x}-{:x}.{:x}", between, info.st_dev, info.st_ino,
                         info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  }
  return key;
}

} // namespace

std::optional<FetchedDebug> find_fetched(Debuginfod& servers, symbolizer::WorkerClient& client,
                                         uint64_t id, const std::string& build_id) {
  Fd file = servers.find(build_id).file;
  if (!file)
    return std::nullopt;
  auto its = client.symbolize(id, file.get(), {});
  if (its.failure.empty() && its.build_id == build_id)
    return FetchedDebug{.file = std::move(file), .its = std::move(its)};
  if (its.answered)
    servers.reject(build_id);
  return std::nullopt;
}

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
        key_of({{.fd = fd, .fetched = {}},
                {.fd = found.file.get(), .fetched = found.fetched},
                {.fd = found.supplementary.get(), .fetched = found.fetched_supplementary},
                {.fd = found.package.get(), .fetched = {}}});
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
    return found;
  }
  add_fetched(known.build_id, described, found);
  return found;
}

bool DebugSearch::may_come(const FoundDebug& found) const {
  return servers_ != nullptr &&
         std::ranges::any_of(found.wanted, [this](const std::string& build_id) {
           return servers_->may_come(build_id);
         });
}

bool DebugSearch::has_come(const FoundDebug& found) {
  return servers_ != nullptr &&
         std::ranges::any_of(found.wanted, [this](const std::string& build_id) {
           return static_cast<bool>(servers_->find(build_id).file);
         });
}

std::optional<FetchedDebug> DebugSearch::fetch(const std::string& build_id, FoundDebug& found) {
  if (servers_ == nullptr || build_id.empty())
    return std::nullopt;
  auto fetched = find_fetched(*servers_, *client_, next_id_++, build_id);
  // What is there and can't be read is not asked for again.
  if (!fetched && !servers_->find(build_id).file)
    found.wanted.push_back(build_id);
  return fetched;
}

void DebugSearch::add_fetched(const std::string& build_id, const DescribedFile& described,
                              FoundDebug& found) {
  auto fetched = fetch(build_id, found);
  if (!fetched)
    return;
  found.inflated = fetched->its.links.inflated;
  add_supplementary(described, described.path, fetched->its.links, found);
  add_package(described, described.path, found);
  found.file = std::move(fetched->file);
  found.fetched = build_id;
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
  const std::string build_id = hex_of(links.supplementary_id);
  if (auto fetched = fetch(build_id, found)) {
    found.inflated = saturating_add(found.inflated, fetched->its.links.inflated);
    found.supplementary = std::move(fetched->file);
    found.fetched_supplementary = build_id;
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
