// What is deleted, oldest first: by age, then by size; profiles that triggers took by limits of
// their own.
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

Result<void> StoreWriter::delete_files(std::span<const StoredProfile> profiles, bool triggered) {
  // The rows first: a reader that has a row finds its file until it is gone, and says so.
  auto removed = change([&]() -> Result<void> {
    for (const StoredProfile& profile : profiles)
      if (auto ok = index_->remove(profile.id); !ok)
        return ok;
    return {};
  });
  if (!removed)
    return removed;
  const auto lessen = [](uint64_t& sum, uint64_t by) { sum -= std::min(sum, by); };
  const std::string root = root_folder(triggered);
  for (const StoredProfile& profile : profiles) {
    ::unlink(path_of(file_path({profile.time, profile.id, triggered})).c_str());
    lessen(file_bytes_, profile.bytes);
    lessen(totals_.bytes, profile.bytes);
    lessen(totals_.profiles, 1);
    if (triggered) {
      lessen(totals_.triggered_bytes, profile.bytes);
      lessen(totals_.triggered_profiles, 1);
    }
    // Only where nothing is left in them.
    ::rmdir(path_of(root + hour_folder(profile.time)).c_str());
    ::rmdir(path_of(root + day_folder(profile.time)).c_str());
  }
  return {};
}

uint64_t StoreWriter::bytes_of(bool triggered) const {
  return triggered ? totals_.triggered_bytes : totals_.bytes - totals_.triggered_bytes;
}

// Deletes profiles older than `before` while there are more than `bytes` of them; a batch at a
// time. False: there is nothing more to delete.
Result<bool> StoreWriter::delete_oldest(TimeNanos before, uint64_t bytes, bool triggered) {
  auto batch = index_->oldest(before, kBatch, triggered);
  if (!batch)
    return std::unexpected(batch.error());
  size_t count = 0;
  for (uint64_t left = bytes_of(triggered); count < batch->size() && left > bytes; count++)
    left -= std::min(left, (*batch)[count].bytes);
  if (count == 0)
    return false;
  if (auto ok = delete_files(std::span(*batch).first(count), triggered); !ok)
    return std::unexpected(ok.error());
  return true;
}

Result<void> StoreWriter::delete_older(TimeNanos before, bool triggered) {
  Result<bool> more = true;
  while (more && *more)
    more = delete_oldest(before, 0, triggered);
  if (!more)
    return std::unexpected(more.error());
  delete_old_folders(before, triggered);
  return {};
}

Result<void> StoreWriter::delete_beyond(uint64_t bytes, bool triggered) {
  Result<bool> more = bytes > 0;
  while (more && *more && bytes_of(triggered) > bytes)
    more = delete_oldest(INT64_MAX, bytes, triggered);
  return more ? Result<void>() : std::unexpected(more.error());
}

// Whole hours, with what was set aside in them.
void StoreWriter::delete_old_folders(TimeNanos before, bool triggered) {
  const std::string limit = hour_folder(std::max<TimeNanos>(before, 0));
  const std::string root = root_folder(triggered);
  for (const std::string& day : names_in(path_of(root))) {
    if (!is_day_folder(day))
      continue;
    for (const std::string& hour : names_in(path_of(root + day)))
      if (const std::string name = std::string(day).append("/").append(hour);
          is_hour_folder(hour) && name < limit) {
        std::error_code ignored; // what is left is tried again
        std::filesystem::remove_all(path_of(root + name), ignored);
      }
    ::rmdir(path_of(root + day).c_str());
  }
}

// Metrics and events by whole hours, until the index fits beside the profiles that are left.
Result<void> StoreWriter::shrink_context(uint64_t max_bytes) {
  while (bytes_of(false) > max_bytes) {
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
    if (auto ok = delete_older(cutoff, false); !ok)
      return ok;
    if (auto ok = change([&] { return index_->remove_context(cutoff); }); !ok)
      return ok;
  }
  if (limits.triggered_retention > 0 && limits.triggered_retention < now)
    if (auto ok = delete_older(now - limits.triggered_retention, true); !ok)
      return ok;
  for (const auto& [bytes, triggered] :
       {std::pair(limits.max_bytes, false), std::pair(limits.triggered_max_bytes, true)})
    if (auto ok = delete_beyond(bytes, triggered); !ok)
      return ok;
  if (before != totals_.profiles)
    if (auto ok = index_->tidy(); !ok)
      return ok;
  if (auto ok = refresh_totals(); !ok)
    return ok;
  return limits.max_bytes > 0 ? shrink_context(limits.max_bytes) : Result<void>();
}

} // namespace pprofd::serve
