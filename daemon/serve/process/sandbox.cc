#include "daemon/serve/process/sandbox.h"

#include <seccomp.h>

#include <array>

#include "daemon/sandbox/confinement.h"

namespace pprofd::serve {
namespace {

// A query that asks for too much fails by itself; the daemon's host is safe from the sum.
constexpr uint64_t kMemory = uint64_t{1} << 30;
constexpr uint64_t kDescriptors = 4096; // connections, readers of the index

// Beside those of a folder: what SQLite needs; connections that come, no others.
constexpr std::array kOwnCalls = {
    SCMP_SYS(rmdir),       SCMP_SYS(ftruncate),      SCMP_SYS(fallocate),      SCMP_SYS(fchown),
    SCMP_SYS(accept4),     SCMP_SYS(epoll_create1),  SCMP_SYS(epoll_ctl),      SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime)};

} // namespace

std::vector<symbolizer::SandboxMeasure> enter_serve_sandbox(const std::string& store) {
  return confine({.memory = kMemory,
                  .descriptors = kDescriptors,
                  .folders = {{.path = store, .access = FolderAccess::kFolders}},
                  .folders_text = store,
                  .calls = {folder_calls(), kOwnCalls}});
}

} // namespace pprofd::serve
