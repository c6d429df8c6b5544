#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/doctor/probe_groups.h"

namespace pprofd {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr uint64_t kEnough = 64 * kMebibyte; // the profiles of a large machine

} // namespace

std::vector<Probe> storage_probes(const ProbeContext& context) {
  Probe probe{.id = "output-space", .title = "output"};
  const std::filesystem::path& folder = context.environment.output;
  const std::string name = folder == "." ? "the current folder" : folder.string();
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0 ||
      ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return {warned(std::move(probe), name + " cannot be written",
                   "profiles cannot be written there", "name another place with --output")};
  const uint64_t free = uint64_t{info.f_bavail} * info.f_frsize;
  const std::string space = name + ", " + std::to_string(free / kMebibyte) + " MiB free";
  if (free < kEnough)
    return {warned(std::move(probe), space, "profiles may find no room there",
                   "free some space, or name another place with --output")};
  probe.result = space;
  return {probe};
}

} // namespace pprofd
