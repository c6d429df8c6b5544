// Which CPUs are online, and which came or went since the last look.
//
// Source: /sys/devices/system/cpu/online, a list such as "0-3,8" (kernel's
// Documentation/admin-guide/cputopology.rst). Reading it costs a few microseconds, so that
// CpuWatch::poll() may be called at every tick of a loop. No thread of its own; one owner.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/result.h"

namespace pprofd {

// The CPU numbers of a kernel CPU list, ascending. Fails on anything that is not such a list.
Result<std::vector<int>> parse_cpu_list(std::string_view text);

class CpuWatch {
public:
  struct Changes {
    std::vector<int> came;
    std::vector<int> went;
    [[nodiscard]] bool empty() const { return came.empty() && went.empty(); }
  };

  explicit CpuWatch(std::string path = "/sys/devices/system/cpu/online") : path_(std::move(path)) {}

  // What changed since the last successful call; the first call reports every online CPU as come.
  // Where the file cannot be read (a container without /sys), the CPUs that sysconf(3) counts.
  Result<Changes> poll();

  // The CPUs online at the last successful poll, ascending.
  [[nodiscard]] const std::vector<int>& online() const { return online_; }

private:
  std::string path_;
  std::string last_text_;
  std::vector<int> online_;
};

} // namespace pprofd
