#include "symbolizer/client/proc_usage.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace pprofd::symbolizer {
namespace {

std::string read_whole(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Fields 14 and 15 of proc_pid_stat(5), utime and stime; the name before them may hold anything.
std::chrono::nanoseconds cpu_time(const std::string& stat) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos)
    return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return std::chrono::nanoseconds((user + system) * (1'000'000'000 / ::sysconf(_SC_CLK_TCK)));
}

uint64_t kilobytes(const std::string& status, const std::string& key) {
  const size_t at = status.find("\n" + key + ":");
  if (at == std::string::npos)
    return 0;
  uint64_t value = 0;
  std::istringstream(status.substr(at + key.size() + 2)) >> value;
  return value;
}

} // namespace

ProcUsage read_usage(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string status = read_whole(folder + "/status");
  return {.cpu_time = cpu_time(read_whole(folder + "/stat")),
          .anonymous_bytes = (kilobytes(status, "RssAnon") + kilobytes(status, "RssShmem")) * 1024};
}

} // namespace pprofd::symbolizer
