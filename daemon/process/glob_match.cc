#include "daemon/process/glob_match.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <string>

namespace pprofd {

namespace {

// What a process has under a key.
using TextsOf = std::vector<std::string> (*)(const Process& process);
struct Key {
  std::string_view name;
  TextsOf texts;
};

std::vector<std::string> cgroups_of(const Process& process) {
  std::vector<std::string> paths;
  for (const CgroupPaths::Entry& entry : process.cgroups->entries)
    paths.push_back(entry.path);
  return paths;
}

constexpr std::array<Key, 6> kKeys = {{
    {"comm", [](const Process& p) { return std::vector{p.comm}; }},
    {"exe", [](const Process& p) { return std::vector{*p.exe}; }},
    {"cgroup", cgroups_of},
    {"unit", [](const Process& p) { return std::vector{unit_of(*p.cgroups)}; }},
    {"container", [](const Process& p) { return std::vector{container_of(*p.cgroups)}; }},
    {"pid", [](const Process& p) { return std::vector{std::to_string(p.pid)}; }},
}};

constexpr const char* kForms = "write KEY:GLOB with KEY comm, exe, cgroup, unit, container or pid, "
                               "such as comm:nginx*";

} // namespace

Result<ProcessPredicate> match_glob(std::string_view text) {
  const std::string what = "'" + std::string(text) + "'";
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(what, "it has no KEY", kForms);
  const auto key = std::ranges::find(kKeys, text.substr(0, colon), &Key::name);
  if (key == kKeys.end())
    return fail(what, "its KEY is unknown", kForms);
  std::string glob(text.substr(colon + 1));
  if (glob.empty())
    return fail(what, "its GLOB is empty", kForms);
  return [texts_of = key->texts, glob = std::move(glob)](const Process& process) {
    return std::ranges::any_of(texts_of(process), [&glob](const std::string& value) {
      return !value.empty() && fnmatch(glob.c_str(), value.c_str(), 0) == 0;
    });
  };
}

} // namespace pprofd
