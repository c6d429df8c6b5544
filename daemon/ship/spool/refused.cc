#include "daemon/ship/spool/refused.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "daemon/output/folder.h"

namespace pprofd::ship {

namespace {

constexpr size_t kMostFiles = 200; // two a profile
constexpr uint64_t kMostBytes = 20'000'000;

Result<void> write_file(const Folder& folder, const std::string& name, std::string_view bytes) {
  auto file = folder.create(name);
  if (!file)
    return std::unexpected(file.error());
  if (auto written = file->write(bytes); !written)
    return written;
  return file->commit();
}

// Names begin with the profile's time: the first are the oldest.
void remove_oldest(const Folder& folder) {
  std::vector<std::string> names = folder.names();
  std::ranges::sort(names, std::greater());
  uint64_t bytes = 0;
  for (size_t at = 0; at < names.size(); ++at) {
    const std::string path = folder.path_of(names[at]);
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      continue;
    bytes += static_cast<uint64_t>(info.st_size);
    if (at >= kMostFiles || bytes > kMostBytes)
      ::unlink(path.c_str());
  }
}

} // namespace

Result<void> RefusedFolder::add(int64_t time_nanos, uint64_t id, std::string_view profile,
                                std::string_view reason) const {
  const auto folder = Folder::open(path_, IfMissing::Create, std::nullopt);
  if (!folder)
    return std::unexpected(folder.error());
  const std::string name = fmt::format("{:020}-{:016x}", time_nanos, id);
  if (auto written = write_file(*folder, name + ".pb.gz", profile); !written)
    return written;
  if (auto written = write_file(*folder, name + ".txt", std::string(reason) + "\n"); !written)
    return written;
  remove_oldest(*folder);
  return {};
}

} // namespace pprofd::ship
