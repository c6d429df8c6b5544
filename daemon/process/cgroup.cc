#include "daemon/process/cgroup.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace pprofd {

namespace {

constexpr size_t kContainerIdLength = 64;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// Calls `visit` with each component of a path; stops when it returns false.
template <typename Visit> void for_each_component(std::string_view path, Visit&& visit) {
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (!component.empty() && !visit(component))
      return;
  }
}

// systemd puts an underscore before names that would be taken for files of the kernel.
std::string_view without_escape(std::string_view component) {
  if (component.starts_with('_'))
    component.remove_prefix(1);
  return component;
}

bool is_unit(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kEndings = {".service", ".scope", ".socket",
                                                               ".mount", ".swap"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) {
    return name.size() > ending.size() && name.ends_with(ending);
  });
}

bool is_user_manager(std::string_view unit) {
  return unit.starts_with("user@") && unit.ends_with(".service");
}

// The 64 hex digits of a component such as "<id>", "docker-<id>.scope", "cri-containerd-<id>.scope"
// or "kubepods-…:cri-containerd:<id>"; empty: none. The monitors that stand beside a container
// (conmon) bear its id too but are not in it.
std::string_view container_id(std::string_view component) {
  if (component.ends_with(".scope"))
    component.remove_suffix(std::string_view(".scope").size());
  if (component.size() < kContainerIdLength || component.contains("conmon-"))
    return {};
  const std::string_view id = component.substr(component.size() - kContainerIdLength);
  const std::string_view before = component.substr(0, component.size() - kContainerIdLength);
  if (!std::ranges::all_of(id, is_hex))
    return {};
  if (!before.empty() && !before.ends_with('-') && !before.ends_with(':') && !before.ends_with('.'))
    return {};
  return id;
}

// "pod<uid>", also as the end of "kubepods-burstable-pod<uid>.slice" with underscores for dashes.
std::string pod_uid(std::string_view component) {
  // containerd with the systemd driver but without its cgroups: "kubepods-…pod<uid>.slice:cri-…".
  component = component.substr(0, component.find(':'));
  if (component.ends_with(".slice"))
    component.remove_suffix(std::string_view(".slice").size());
  if (component.contains("kubepods-"))
    component.remove_prefix(std::min(component.rfind("pod"), component.size()));
  if (!component.starts_with("pod"))
    return {};
  component.remove_prefix(std::string_view("pod").size());
  std::string uid(component);
  std::ranges::replace(uid, '_', '-');
  const auto allowed = [](char c) { return is_hex(c) || c == '-'; };
  const auto digits = std::ranges::count_if(uid, is_hex);
  // A UUID, or the 32 digits of a static pod's checksum.
  if (digits != 32 || !std::ranges::all_of(uid, allowed))
    return {};
  return uid;
}

template <typename Of> std::string first_of(const CgroupPaths& paths, Of&& of) {
  if (std::string found = of(paths.main()); !found.empty())
    return found;
  for (const CgroupPaths::Entry& entry : paths.entries)
    if (std::string found = of(std::string_view(entry.path)); !found.empty())
      return found;
  return {};
}

} // namespace

std::string_view CgroupPaths::main() const {
  static constexpr std::string_view kRoot = "/";
  std::string_view systemd = kRoot;
  std::string_view longest = kRoot;
  for (const Entry& entry : entries) {
    if (entry.hierarchy == 0 && entry.path != kRoot)
      return entry.path;
    if (entry.controllers == "name=systemd")
      systemd = entry.path;
    if (entry.path.size() > longest.size())
      longest = entry.path;
  }
  return systemd != kRoot ? systemd : longest;
}

CgroupPaths parse_cgroups(std::string_view text) {
  CgroupPaths paths;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos || second + 1 >= line.size() || line[second + 1] != '/')
      continue;
    CgroupPaths::Entry entry;
    const std::string_view digits = line.substr(0, first);
    const auto number = std::from_chars(digits.begin(), digits.end(), entry.hierarchy);
    if (number.ec != std::errc() || number.ptr != digits.end())
      continue;
    entry.controllers = std::string(line.substr(first + 1, second - first - 1));
    entry.path = std::string(line.substr(second + 1));
    paths.entries.push_back(std::move(entry));
  }
  return paths;
}

std::string unit_of(std::string_view path) {
  std::string unit;
  for_each_component(path, [&](std::string_view component) {
    component = without_escape(component);
    if (!is_unit(component))
      return true;
    unit = std::string(component);
    return is_user_manager(component);
  });
  return unit;
}

std::string container_of(std::string_view path) {
  std::string id;
  for_each_component(path, [&](std::string_view component) {
    if (const std::string_view found = container_id(component); !found.empty())
      id = std::string(found);
    return true;
  });
  return id;
}

std::string pod_of(std::string_view path) {
  std::string uid;
  bool in_kubepods = false;
  for_each_component(path, [&](std::string_view component) {
    in_kubepods = in_kubepods || component.contains("kubepods");
    if (in_kubepods && uid.empty())
      uid = pod_uid(component);
    return uid.empty();
  });
  return uid;
}

std::string unit_of(const CgroupPaths& paths) {
  return first_of(paths, [](std::string_view path) { return unit_of(path); });
}

std::string container_of(const CgroupPaths& paths) {
  return first_of(paths, [](std::string_view path) { return container_of(path); });
}

std::string pod_of(const CgroupPaths& paths) {
  return first_of(paths, [](std::string_view path) { return pod_of(path); });
}

bool is_below(std::string_view path, std::string_view folder) {
  while (folder.ends_with('/'))
    folder.remove_suffix(1);
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

} // namespace pprofd
