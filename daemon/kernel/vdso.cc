#include "daemon/kernel/vdso.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>

namespace pprofd {
namespace {

constexpr unsigned kNoExecSeal = 8; // MFD_NOEXEC_SEAL, Linux 6.3
constexpr uint64_t kMaxImage = 1 << 20;

// The end of the mapping that starts at `start`; 0: there is none.
uint64_t mapping_end(uint64_t start) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    uint64_t first = 0;
    uint64_t last = 0;
    const char* end = line.data() + line.size();
    const auto dash = std::from_chars(line.data(), end, first, 16);
    if (dash.ec != std::errc() || dash.ptr == end || first != start)
      continue;
    return std::from_chars(dash.ptr + 1, end, last, 16).ec == std::errc() ? last : 0;
  }
  return 0;
}

Fd memory_file() {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  Fd file(::memfd_create("vdso", kFlags | kNoExecSeal));
  if (!file && errno == EINVAL)
    file.reset(::memfd_create("vdso", kFlags));
  return file;
}

} // namespace

Result<Fd> vdso_image() {
  const uint64_t start = ::getauxval(AT_SYSINFO_EHDR);
  const uint64_t end = start != 0 ? mapping_end(start) : 0;
  if (end <= start || end - start > kMaxImage)
    return fail("read the vDSO", "this process has none");
  Fd file = memory_file();
  if (!file)
    return fail_errno("copy the vDSO", errno);
  const auto size = static_cast<size_t>(end - start);
  const ssize_t written =
      ::write(file.get(), reinterpret_cast<const void*>(start), size); // NOLINT: auxv has numbers
  if (written != static_cast<ssize_t>(size))
    return written < 0 ? fail_errno("copy the vDSO", errno)
                       : fail("copy the vDSO", "only a part was written");
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
      0)
    return fail_errno("seal the copy of the vDSO", errno);
  return file;
}

} // namespace pprofd
