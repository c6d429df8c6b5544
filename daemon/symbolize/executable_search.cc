#include "daemon/symbolize/executable_search.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "daemon/kernel/vdso.h"
#include "daemon/process/files/file_opener.h"
#include "symbolizer/unwind/facts.h"

namespace pprofd {

namespace {

constexpr uint64_t kPage = 4096;
constexpr std::string_view kVdso = "[vdso]";
constexpr std::string_view kDebugEnding = ".debug";

uint64_t page_of(uint64_t address) {
  return address / kPage * kPage;
}

// Whether a mapping shows this segment: all of its pages, or at the very place.
bool shows(const perftools::profiles::Mapping& mapping, const symbolizer::ElfSegment& segment) {
  const uint64_t start = page_of(segment.address.value);
  const uint64_t end = page_of(segment.address.value + segment.memory_size + kPage - 1);
  return mapping.memory_start() == start ||
         mapping.memory_limit() - mapping.memory_start() == end - start;
}

bool unchanged_since(int fd, int64_t time) {
  struct ::stat info{};
  return time != 0 && ::fstat(fd, &info) == 0 && identity_of(info).modified <= time;
}

bool is_of_a_debug_file(const symbolizer::ElfSegment& code) {
  return code.file_size == 0;
}

} // namespace

std::optional<FileOffset> FoundExecutable::position(const perftools::profiles::Mapping& mapping,
                                                    uint64_t address) const {
  const uint64_t into = address - mapping.memory_start();
  if (code.empty())
    return FileOffset{into + mapping.file_offset()};
  std::optional<FileOffset> found;
  for (const symbolizer::ElfSegment& segment : code) {
    if (!shows(mapping, segment))
      continue;
    if (found)
      return std::nullopt;
    found = FileOffset{page_of(segment.address.value) + into};
  }
  return found;
}

Result<FoundExecutable> ExecutableSearch::find(const WantedExecutable& wanted) {
  const DescribedFile described{
      .pid = 0, .uid = ::getuid(), .path = wanted.path, .owned_by_root = false};
  std::vector<DebugFile> candidates;
  if (wanted.path == kVdso) {
    if (auto image = vdso_image())
      candidates.push_back({.fd = std::move(*image), .path = std::string(kVdso)});
  } else {
    candidates = files_.find_program(described, wanted.build_id);
  }
  Error first;
  for (DebugFile& candidate : candidates) {
    auto found = accept(wanted, std::move(candidate));
    if (found)
      return found;
    if (first.why.empty())
      first = std::move(found.error());
  }
  if (servers_ != nullptr)
    if (auto fetched = find_fetched(*servers_, *client_, next_id_++, wanted.build_id))
      return accept(wanted, {.fd = std::move(fetched->file),
                             .path = wanted.build_id + std::string(kDebugEnding)});
  return fail(wanted.path, first.why.empty() ? "not found" : std::move(first.why));
}

Result<FoundExecutable> ExecutableSearch::accept(const WantedExecutable& wanted,
                                                 DebugFile candidate) {
  const uint64_t id = next_id_++;
  const int fd = candidate.fd.get();
  const auto identity = client_->symbolize(id, fd, {});
  if (!identity.answered || (identity.build_id.empty() && !identity.failure.empty()))
    return fail(wanted.path, candidate.path + ": " + identity.failure);
  if (!wanted.build_id.empty() && identity.build_id != wanted.build_id)
    return fail(wanted.path, candidate.path + " has build id '" + identity.build_id +
                                 "', the profile's is '" + wanted.build_id + "'");
  if (wanted.build_id.empty() && !unchanged_since(fd, wanted.taken))
    return fail(wanted.path, candidate.path + " may be another one: the profile has no build id "
                                              "for it, and it was changed since");
  FoundExecutable found;
  if (candidate.path.ends_with(kDebugEnding)) {
    // The worker says segments with the rows, of which such a file has none.
    auto facts =
        client_->compile_rows(id, fd, symbolizer::kTableRows, [](const symbolizer::RowBatch&) {});
    if (std::ranges::all_of(facts.segments, is_of_a_debug_file))
      found.code = std::move(facts.segments);
  }
  found.file = {
      .id = id,
      .fd = std::move(candidate.fd),
      .expected_build_id = wanted.build_id,
      .form =
          found.code.empty() ? symbolizer::NamesFile::kElf : symbolizer::NamesFile::kElfByAddress,
      .described = {.pid = 0, .uid = ::getuid(), .path = candidate.path, .owned_by_root = false}};
  return found;
}

} // namespace pprofd
