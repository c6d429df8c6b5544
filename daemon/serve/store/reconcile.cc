// Files and index brought together again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/serve/store/file_header.h"
#include "daemon/serve/store/layout.h"
#include "daemon/serve/store/writer.h"

namespace pprofd::serve {
namespace {

// The first bytes of a file; empty where there are none.
std::string read_begin(const std::string& path, uint64_t& size) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  std::string bytes;
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return bytes;
  size = static_cast<uint64_t>(status.st_size);
  // Most headers are short.
  for (const size_t length : {size_t{4096}, kLongestFileHeader}) {
    bytes.resize(length);
    const ssize_t got = ::pread(file.get(), bytes.data(), length, 0);
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    if (bytes.size() < length || read_file_header(bytes))
      break;
  }
  return bytes;
}

} // namespace

std::optional<StoredProfile> StoreWriter::inspect(const Folder& folder, const std::string& name,
                                                  bool triggered) {
  const auto parsed = parse_file_name(name);
  if (!parsed)
    return std::nullopt;
  const std::string path = folder.path_of(name);
  uint64_t size = 0;
  auto profile = read_file_header(read_begin(path, size));
  if (profile && profile->time == parsed->time && profile->duration >= 0 &&
      is_triggered(profile->labels) == triggered) {
    profile->id = parsed->id;
    profile->bytes = size;
    return profile;
  }
  if (::rename(path.c_str(), (path + std::string(kDamagedSuffix)).c_str()) == 0)
    notes_({path, "it is no profile of this store: it is set aside as *.damaged", ""});
  return std::nullopt;
}

Result<void> StoreWriter::find_hours() {
  const auto indexed = index_->hours();
  if (!indexed)
    return std::unexpected(indexed.error());
  to_reconcile_ = {indexed->begin(), indexed->end()};
  for (const bool triggered : {false, true}) {
    const std::string above = root_folder(triggered);
    auto root = Folder::open(path_of(above), IfMissing::Fail, std::nullopt);
    if (!root && triggered)
      break; // there has been none
    if (!root)
      return std::unexpected(root.error());
    for (const std::string& day : root->names()) {
      if (!is_day_folder(day))
        continue;
      if (const auto folder = Folder::open(path_of(above + day), IfMissing::Fail, std::nullopt))
        for (const std::string& hour : folder->names())
          if (const auto begin = hour_of(day, hour))
            to_reconcile_.insert(*begin);
    }
  }
  return {};
}

Result<size_t> StoreWriter::compare_folder(TimeNanos hour, bool triggered, Rows& missing) {
  const std::string name = hour_folder(hour);
  const std::string path = path_of(root_folder(triggered) + name);
  auto folder = Folder::open(path, IfMissing::Fail, std::nullopt);
  if (!folder && ::access(path.c_str(), F_OK) == 0)
    return std::unexpected(folder.error());
  size_t taken = 0;
  for (const std::string& file : folder ? folder->names() : std::vector<std::string>()) {
    const auto parsed = parse_file_name(file);
    if (!parsed || hour_folder(parsed->time) != name)
      continue;
    const auto row = missing.find(parsed->id);
    if (row != missing.end() && row->second == parsed->time) {
      missing.erase(row);
      continue;
    }
    const auto profile = inspect(*folder, file, triggered);
    if (!profile)
      continue;
    if (auto ok = index_->add(*profile); !ok)
      return std::unexpected(ok.error());
    taken++;
  }
  return taken;
}

Result<StoreWriter::Found> StoreWriter::compare(TimeNanos hour) {
  auto missing = index_->between(hour, hour + kHour);
  if (!missing)
    return std::unexpected(missing.error());
  Found found;
  for (const bool triggered : {false, true}) {
    const auto taken = compare_folder(hour, triggered, *missing);
    if (!taken)
      return std::unexpected(taken.error());
    found.taken += *taken;
  }
  for (const auto& [id, time] : *missing)
    if (auto ok = index_->remove(id); !ok)
      return std::unexpected(ok.error());
  found.forgotten = missing->size();
  return found;
}

Result<void> StoreWriter::reconcile_hour() {
  const TimeNanos hour = *to_reconcile_.rbegin();
  to_reconcile_.erase(hour);
  Found found;
  auto done = change([&]() -> Result<void> {
    const auto compared = compare(hour);
    if (!compared)
      return std::unexpected(compared.error());
    found = *compared;
    return {};
  });
  if (!done)
    return done;
  const std::string folder = path_of(hour_folder(hour));
  if (found.taken > 0)
    notes_({folder, std::to_string(found.taken) + " profiles were taken into the index again", ""});
  if (found.forgotten > 0)
    notes_({folder,
            std::to_string(found.forgotten) + " profiles of the index have no file any more", ""});
  return found.taken + found.forgotten > 0 ? refresh_totals() : Result<void>();
}

} // namespace pprofd::serve
