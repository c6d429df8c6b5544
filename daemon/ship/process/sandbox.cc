#include "daemon/ship/process/sandbox.h"

#include <utility>

#include "daemon/sandbox/confinement.h"

namespace pprofd::ship {

namespace {

constexpr uint64_t kMemory = uint64_t{512} << 20;
constexpr uint64_t kDescriptors = 1024;

} // namespace

std::vector<symbolizer::SandboxMeasure>
enter_ship_sandbox(const std::vector<std::string>& folders) {
  std::vector<AllowedFolder> allowed = network_settings();
  for (const std::string& folder : folders)
    allowed.push_back({.path = folder, .access = FolderAccess::kFiles});
  return confine({.memory = kMemory,
                  .descriptors = kDescriptors,
                  .folders = std::move(allowed),
                  .folders_text = "the spool, folders of targets, and settings of the network",
                  .calls = {folder_calls(), connecting_calls()},
                  .connects = true});
}

} // namespace pprofd::ship
