// What a start finds: files and index brought together again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

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

std::optional<StoredProfile> StoreWriter::inspect(const Folder& folder, const std::string& name) {
  const auto parsed = parse_file_name(name);
  if (!parsed)
    return std::nullopt;
  const std::string path = folder.path_of(name);
  uint64_t size = 0;
  auto profile = read_file_header(read_begin(path, size));
  if (profile && profile->time == parsed->time && profile->duration >= 0) {
    profile->id = parsed->id;
    profile->bytes = size;
    return profile;
  }
  if (::rename(path.c_str(), (path + std::string(kDamagedSuffix)).c_str()) == 0)
    notes_({path, "it is no profile of this store: it is set aside as *.damaged", ""});
  return std::nullopt;
}

Result<void> StoreWriter::take_in(const std::string& day, const std::string& hour,
                                  std::unordered_map<uint64_t, TimeNanos>& missing) {
  auto folder = Folder::open(path_of(day + "/" + hour), IfMissing::Fail, std::nullopt);
  if (!folder)
    return std::unexpected(folder.error());
  size_t taken = 0;
  const std::string own_hour = std::string(day).append("/").append(hour);
  for (const std::string& name : folder->names()) {
    const auto parsed = parse_file_name(name);
    if (!parsed || hour_folder(parsed->time) != own_hour)
      continue;
    const auto row = missing.find(parsed->id);
    if (row != missing.end() && row->second == parsed->time) {
      missing.erase(row);
      continue;
    }
    const auto profile = inspect(*folder, name);
    if (!profile)
      continue;
    if (auto ok = index_->add(*profile); !ok)
      return ok;
    taken++;
  }
  if (taken > 0)
    notes_(
        {folder->path(), std::to_string(taken) + " profiles were taken into the index again", ""});
  return {};
}

Result<void> StoreWriter::reconcile() {
  auto missing = index_->all();
  if (!missing)
    return std::unexpected(missing.error());
  auto root = Folder::open(path_, IfMissing::Fail, std::nullopt);
  if (!root)
    return std::unexpected(root.error());
  if (auto ok = index_->begin(); !ok)
    return ok;
  for (const std::string& day : root->names()) {
    if (!is_day_folder(day))
      continue;
    auto folder = Folder::open(path_of(day), IfMissing::Fail, std::nullopt);
    if (!folder)
      continue;
    for (const std::string& hour : folder->names())
      if (is_hour_folder(hour))
        if (auto ok = take_in(day, hour, *missing); !ok) {
          index_->roll_back();
          return ok;
        }
  }
  for (const auto& [id, time] : *missing)
    if (auto ok = index_->remove(id); !ok) {
      index_->roll_back();
      return ok;
    }
  if (!missing->empty())
    notes_({path_, std::to_string(missing->size()) + " profiles of the index have no file any more",
            ""});
  return index_->commit();
}

} // namespace pprofd::serve
