#include "daemon/process/target_match.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <vector>

namespace pprofd {

namespace {

constexpr size_t kCommLength = 15; // TASK_COMM_LEN without the NUL
constexpr size_t kLeastIdDigits = 12;
constexpr size_t kIdDigits = 64;

std::string_view basename_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Replaces the \xNN of systemd's unit names by the characters they stand for.
std::string unescape(std::string_view name) {
  static constexpr size_t kEscapeLength = 4;
  std::string text;
  while (!name.empty()) {
    unsigned code = 0;
    if (name.size() >= kEscapeLength && name.starts_with("\\x")) {
      const char* const digits = name.data() + 2;
      const auto parsed = std::from_chars(digits, digits + 2, code, 16);
      if (parsed.ec == std::errc() && parsed.ptr == digits + 2) {
        text.push_back(static_cast<char>(code));
        name.remove_prefix(kEscapeLength);
        continue;
      }
    }
    text.push_back(name.front());
    name.remove_prefix(1);
  }
  return text;
}

// The octal escapes of mountinfo: space, tab, newline and backslash.
std::string unescape_octal(std::string_view name) {
  static constexpr size_t kEscapeLength = 4;
  std::string text;
  while (!name.empty()) {
    unsigned code = 0;
    if (name.size() >= kEscapeLength && name.front() == '\\') {
      const char* const digits = name.data() + 1;
      const auto parsed = std::from_chars(digits, digits + 3, code, 8);
      if (parsed.ec == std::errc() && parsed.ptr == digits + 3) {
        text.push_back(static_cast<char>(code));
        name.remove_prefix(kEscapeLength);
        continue;
      }
    }
    text.push_back(name.front());
    name.remove_prefix(1);
  }
  return text;
}

bool has_unit_ending(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kEndings = {".service", ".scope", ".slice",
                                                               ".socket",  ".mount", ".swap"};
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return name.ends_with(ending); });
}

// Whether any component of a path satisfies `accept`.
template <typename Accept> bool any_component(std::string_view path, Accept&& accept) {
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (end != 0 && accept(path.substr(0, end)))
      return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

template <typename Accept> bool any_path(const Process& process, Accept&& accept) {
  return std::ranges::any_of(process.cgroups->entries, [&](const CgroupPaths::Entry& entry) {
    return accept(std::string_view(entry.path));
  });
}

struct CgroupMount {
  std::string root;  // the cgroup that is visible at the mount point
  std::string point; // where it is mounted
};

// proc(5), mountinfo: "id parent major:minor root point options … - type source options".
std::vector<CgroupMount> cgroup_mounts(const std::string& mountinfo) {
  std::vector<CgroupMount> mounts;
  std::ifstream file(mountinfo);
  for (std::string line; std::getline(file, line);) {
    const size_t separator = line.find(" - ");
    if (separator == std::string::npos || !line.substr(separator + 3).starts_with("cgroup"))
      continue;
    std::string_view rest(line);
    std::array<std::string_view, 5> fields;
    for (std::string_view& field : fields) {
      const size_t end = std::min(rest.find(' '), rest.size());
      field = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    mounts.push_back({unescape_octal(fields[3]), unescape_octal(fields[4])});
  }
  return mounts;
}

// A path below a mount point of cgroups, as /proc/PID/cgroup would give it; others as they are.
std::string as_cgroup(std::string path, const std::vector<CgroupMount>& mounts) {
  const CgroupMount* best = nullptr;
  for (const CgroupMount& mount : mounts)
    if (is_below(path, mount.point) && (best == nullptr || mount.point.size() > best->point.size()))
      best = &mount;
  if (best == nullptr)
    return path;
  std::string below = path.substr(best->point.size());
  return best->root == "/" ? below : best->root + below;
}

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
};

} // namespace

Result<ProcessPredicate> match_comm(std::string_view name) {
  if (name.empty())
    return fail("--comm", "the name is empty");
  std::string whole(name);
  std::string cut = whole.substr(0, kCommLength);
  return [whole = std::move(whole), cut = std::move(cut)](const Process& process) {
    if (process.comm != cut)
      return false;
    if (whole.size() <= kCommLength)
      return true;
    // The file's name settles it where the comm was made from it.
    const std::string_view program = basename_of(*process.exe);
    return !program.starts_with(cut) || program == whole;
  };
}

Result<ProcessPredicate> match_exe(std::string_view path) {
  if (path.empty())
    return fail("--exe", "the path is empty");
  std::error_code ignored;
  const std::filesystem::path asked = std::filesystem::absolute(path, ignored).lexically_normal();
  std::filesystem::path real = std::filesystem::canonical(asked, ignored);
  struct ::stat info{};
  FileId file;
  if (::stat(asked.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode))
      return fail("--exe " + std::string(path), "it is a folder",
                  "name the program's file as it stands in /proc/PID/exe");
    file = {info.st_dev, info.st_ino};
  } else if (!path.starts_with('/')) {
    return fail("--exe " + std::string(path), errno_text(errno),
                "name the program by its absolute path, as it stands in /proc/PID/exe");
  }
  return [asked = asked.string(), real = real.string(), file](const Process& process) {
    if (process.exe->empty())
      return false;
    if (*process.exe == asked || *process.exe == real)
      return true;
    return file.inode != 0 && process.executable != nullptr &&
           process.executable->file.inode == file.inode &&
           process.executable->file.device == file.device;
  };
}

Result<ProcessPredicate> match_cgroup(std::string_view path, const std::string& mountinfo) {
  if (path.empty())
    return fail("--cgroup", "the path is empty");
  std::string folder(path);
  if (!folder.starts_with('/'))
    folder.insert(0, "/");
  folder = as_cgroup(std::filesystem::path(folder).lexically_normal(), cgroup_mounts(mountinfo));
  return [folder = std::move(folder)](const Process& process) {
    return any_path(process, [&](std::string_view own) { return is_below(own, folder); });
  };
}

Result<ProcessPredicate> match_unit(std::string_view unit) {
  if (unit.empty() || unit.contains('/'))
    return fail("--unit '" + std::string(unit) + "'", "not the name of a unit",
                "for example: --unit nginx or --unit session-3.scope; folders are for --cgroup");
  std::string wanted = unescape(unit);
  if (!has_unit_ending(wanted))
    wanted += ".service";
  return [wanted = std::move(wanted)](const Process& process) {
    const auto is_it = [&](std::string_view component) {
      if (unescape(component) == wanted)
        return true;
      return component.starts_with('_') && unescape(component.substr(1)) == wanted;
    };
    return any_path(process, [&](std::string_view own) { return any_component(own, is_it); });
  };
}

Result<ProcessPredicate> match_container(std::string_view id) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  std::string wanted(id);
  std::ranges::transform(wanted, wanted.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c; });
  if (wanted.size() < kLeastIdDigits || wanted.size() > kIdDigits ||
      !std::ranges::all_of(wanted, is_hex))
    return fail("--container " + std::string(id), "not a container's id",
                "give 12 to 64 hex digits of it, as docker ps, crictl ps or podman ps print them");
  return [wanted = std::move(wanted)](const Process& process) {
    const auto is_it = [&](std::string_view component) {
      return container_of(component).starts_with(wanted);
    };
    return any_path(process, [&](std::string_view own) { return any_component(own, is_it); });
  };
}

} // namespace pprofd
