// What is deleted, oldest first: by age, then by size.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "daemon/serve/store/layout.h"
#include "daemon/serve/store/writer.h"

namespace pprofd::serve {
namespace {

constexpr size_t kBatch = 500;

// As far as they can be read.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error))
    names.push_back(at->path().filename().string());
  return names;
}

} // namespace

Result<void> StoreWriter::delete_files(std::span<const StoredProfile> profiles) {
  // The rows first: a reader that has a row finds its file until it is gone, and says so.
  auto removed = change([&]() -> Result<void> {
    for (const StoredProfile& profile : profiles)
      if (auto ok = index_->remove(profile.id); !ok)
        return ok;
    return {};
  });
  if (!removed)
    return removed;
  for (const StoredProfile& profile : profiles) {
    ::unlink(path_of(file_path({profile.time, profile.id})).c_str());
    file_bytes_ -= std::min(file_bytes_, profile.bytes);
    totals_.bytes -= std::min(totals_.bytes, profile.bytes);
    totals_.profiles -= totals_.profiles > 0 ? 1 : 0;
    // Only where nothing is left in them.
    ::rmdir(path_of(hour_folder(profile.time)).c_str());
    ::rmdir(path_of(day_folder(profile.time)).c_str());
  }
  return {};
}

// Deletes profiles older than `before` while there are more than `bytes` of them; a batch at a
// time. False: there is nothing more to delete.
Result<bool> StoreWriter::delete_oldest(TimeNanos before, uint64_t bytes) {
  auto batch = index_->oldest(before, kBatch);
  if (!batch)
    return std::unexpected(batch.error());
  size_t count = 0;
  for (uint64_t left = totals_.bytes; count < batch->size() && left > bytes; count++)
    left -= std::min(left, (*batch)[count].bytes);
  if (count == 0)
    return false;
  if (auto ok = delete_files(std::span(*batch).first(count)); !ok)
    return std::unexpected(ok.error());
  return true;
}

// Whole hours, with what was set aside in them.
void StoreWriter::delete_old_folders(TimeNanos before) {
  const std::string limit = hour_folder(std::max<TimeNanos>(before, 0));
  for (const std::string& day : names_in(path_)) {
    if (!is_day_folder(day))
      continue;
    for (const std::string& hour : names_in(path_of(day)))
      if (const std::string name = std::string(day).append("/").append(hour);
          is_hour_folder(hour) && name < limit) {
        std::error_code ignored; // what is left is tried again
        std::filesystem::remove_all(path_of(name), ignored);
      }
    ::rmdir(path_of(day).c_str());
  }
}

// Metrics and events by whole hours, until the index fits beside the profiles that are left.
Result<void> StoreWriter::shrink_context(uint64_t max_bytes) {
  while (totals_.bytes > max_bytes) {
    const auto oldest = index_->oldest_context();
    if (!oldest)
      return std::unexpected(oldest.error());
    if (*oldest == 0)
      return {};
    if (auto ok = change([&] { return index_->remove_context(*oldest + kHour); }); !ok)
      return ok;
    if (auto ok = index_->tidy(); !ok)
      return ok;
    if (auto ok = refresh_totals(); !ok)
      return ok;
  }
  return {};
}

Result<void> StoreWriter::keep(const StoreLimits& limits, TimeNanos now) {
  if (index_ == nullptr)
    return {};
  if (auto ok = refresh_totals(); !ok)
    return ok;
  const uint64_t before = totals_.profiles;
  if (limits.retention > 0 && limits.retention < now) {
    const TimeNanos cutoff = now - limits.retention;
    Result<bool> more = true;
    while (more && *more)
      more = delete_oldest(cutoff, 0);
    if (!more)
      return std::unexpected(more.error());
    if (auto ok = change([&] { return index_->remove_context(cutoff); }); !ok)
      return ok;
    delete_old_folders(cutoff);
  }
  Result<bool> more = limits.max_bytes > 0;
  while (more && *more && totals_.bytes > limits.max_bytes)
    more = delete_oldest(INT64_MAX, limits.max_bytes);
  if (!more)
    return std::unexpected(more.error());
  if (before != totals_.profiles)
    if (auto ok = index_->tidy(); !ok)
      return ok;
  if (auto ok = refresh_totals(); !ok)
    return ok;
  return limits.max_bytes > 0 ? shrink_context(limits.max_bytes) : Result<void>();
}

} // namespace pprofd::serve
