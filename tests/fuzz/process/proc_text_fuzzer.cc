// The texts of /proc that other users' processes have a say in: names in stat and maps, cgroups.
// The first byte chooses the parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/process/cgroup.h"
#include "daemon/process/proc_fs.h"

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

void check_cgroups(std::string_view text) {
  const pprofd::CgroupPaths paths = pprofd::parse_cgroups(text);
  require(paths.main().starts_with('/'));
  const std::string container = pprofd::container_of(paths);
  require(container.empty() || container.size() == 64);
  const std::string unit = pprofd::unit_of(paths);
  require(!unit.contains('/'));
  require(pprofd::pod_of(paths).size() <= text.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
  case 0:
    if (const auto stat = pprofd::parse_stat(text))
      require(stat->comm.size() < text.size());
    break;
  case 1:
    pprofd::parse_status(text);
    break;
  case 2:
    if (const auto mapping = pprofd::parse_maps_line(text)) {
      require(mapping->start < mapping->end);
      require(mapping->name.size() < text.size());
    }
    break;
  default:
    check_cgroups(text);
    break;
  }
  return 0;
}
