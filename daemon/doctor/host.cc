#include "daemon/doctor/host.h"

#include <charconv>
#include <fstream>
#include <sstream>

namespace pprofd {
namespace {

// include/linux/proc_ns.h: the inode numbers of the first namespaces.
constexpr std::string_view kInitialPidNamespace = "pid:[4026531836]";
constexpr std::string_view kInitialUserNamespace = "user:[4026531837]";

bool is_namespace(const std::filesystem::path& link, std::string_view expected) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(link, error);
  return error || target == expected;
}

template <typename T> std::optional<T> number(std::string_view text, int base = 10) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return std::nullopt;
  T value = 0;
  const auto [stop, error] =
      std::from_chars(text.data() + begin, text.data() + text.size(), value, base);
  return error == std::errc() ? std::optional<T>(value) : std::nullopt;
}

// mountinfo writes spaces and the like as \ooo.
std::string unescaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' && i + 3 < text.size()
                          ? number<unsigned>(text.substr(i + 1, 3), 8)
                          : std::nullopt;
    result += code ? static_cast<char>(*code) : text[i];
    i += code ? 3 : 0;
  }
  return result;
}

} // namespace

std::optional<std::string> first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line))
    return std::nullopt;
  return line;
}

Host::Host(const std::filesystem::path& proc, const std::filesystem::path& sys)
    : proc_(proc), sys_(sys),
      initial_user_namespace_(is_namespace(proc / "self/ns/user", kInitialUserNamespace)),
      initial_pid_namespace_(is_namespace(proc / "self/ns/pid", kInitialPidNamespace)),
      online_cpus_(first_line(sys / "devices/system/cpu/online").value_or("0")) {
  std::ifstream status(proc / "self/status");
  for (std::string line; std::getline(status, line);) {
    const std::string_view text(line);
    if (text.starts_with("CapEff:"))
      capabilities_ = number<uint64_t>(text.substr(7), 16).value_or(0);
    if (text.starts_with("Seccomp:"))
      seccomp_ = number<int>(text.substr(8)).value_or(0);
  }
  first_cpu_ = number<int>(online_cpus_).value_or(0);
}

bool Host::holds(Capability capability) const {
  const uint64_t bit = uint64_t{1} << static_cast<unsigned>(capability);
  return initial_user_namespace_ && (capabilities_ & bit) != 0;
}

std::optional<int64_t> Host::setting(std::string_view name) const {
  const auto line = first_line(proc_ / "sys/kernel" / name);
  return line ? number<int64_t>(*line) : std::nullopt;
}

std::string Host::release() const {
  return first_line(proc_ / "sys/kernel/osrelease").value_or("unknown");
}

std::vector<Mount> Host::mounts() const {
  std::vector<Mount> result;
  std::ifstream file(proc_ / "self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t separator = line.find(" - ");
    if (separator == std::string::npos)
      continue;
    std::istringstream before(line.substr(0, separator));
    std::istringstream after(line.substr(separator + 3));
    std::string skipped;
    std::string point;
    Mount mount;
    before >> skipped >> skipped >> skipped >> skipped >> point;
    after >> mount.type >> skipped >> mount.options;
    mount.point = unescaped(point);
    result.push_back(std::move(mount));
  }
  return result;
}

std::string Host::lockdown() const {
  // "none [integrity] confidentiality": the one in brackets is in force.
  const std::string line = first_line(sys_ / "kernel/security/lockdown").value_or("");
  const size_t begin = line.find('[');
  const size_t end = line.find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin)
    return {};
  return line.substr(begin + 1, end - begin - 1);
}

} // namespace pprofd
