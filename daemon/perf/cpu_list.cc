#include "daemon/perf/cpu_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>

#include "symbolizer/base/fd.h"

namespace pprofd {

namespace {

constexpr int kMaxCpu = 1 << 20; // far above any kernel's NR_CPUS; keeps "0-999999999" harmless

std::unexpected<Error> not_a_list(std::string_view text) {
  return fail("read the list of CPUs", "not a CPU list: '" + std::string(text) + "'");
}

Result<std::string> read_small_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd)
    return fail_errno("open " + path, errno);
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0)
      return fail_errno("read " + path, errno);
    if (got == 0)
      return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
}

std::vector<int> counted_cpus() {
  std::vector<int> cpus(static_cast<size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))));
  for (size_t cpu = 0; cpu < cpus.size(); ++cpu)
    cpus[cpu] = static_cast<int>(cpu);
  return cpus;
}

} // namespace

Result<std::vector<int>> parse_cpu_list(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  std::vector<int> cpus;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int first = 0;
    auto number = std::from_chars(at, end, first);
    int last = first;
    if (number.ec == std::errc() && number.ptr != end && *number.ptr == '-')
      number = std::from_chars(number.ptr + 1, end, last);
    if (number.ec != std::errc() || first < 0 || last < first || last > kMaxCpu)
      return not_a_list(text);
    for (int cpu = first; cpu <= last; ++cpu)
      cpus.push_back(cpu);
    at = number.ptr;
    if (at == end)
      break;
    if (*at != ',' || at + 1 == end)
      return not_a_list(text);
    ++at;
  }
  std::ranges::sort(cpus);
  const auto repeated = std::ranges::unique(cpus);
  cpus.erase(repeated.begin(), repeated.end());
  return cpus;
}

Result<CpuWatch::Changes> CpuWatch::poll() {
  std::vector<int> now;
  if (const Result<std::string> text = read_small_file(path_); !text) {
    now = counted_cpus();
  } else if (!last_text_.empty() && *text == last_text_) {
    return Changes{};
  } else {
    Result<std::vector<int>> parsed = parse_cpu_list(*text);
    if (!parsed)
      return std::unexpected(parsed.error());
    now = std::move(*parsed);
    last_text_ = *text;
  }
  Changes changes;
  std::ranges::set_difference(now, online_, std::back_inserter(changes.came));
  std::ranges::set_difference(online_, now, std::back_inserter(changes.went));
  online_ = std::move(now);
  return changes;
}

} // namespace pprofd
