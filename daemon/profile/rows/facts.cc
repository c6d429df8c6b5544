#include "daemon/profile/rows/facts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "daemon/profile/path.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace {

constexpr std::array<std::string_view, 9> kOfOneProfile = {
    "pid", "start_time", "cgroup", "build_id", "exe", "kernel", "trigger", "frequency", "service"};

// Comments that count, or tell of pprofd, or why this profile was taken.
constexpr std::array<std::string_view, 8> kNoFacts = {"pprofd.",  "samples.", "stacks.",
                                                      "frames.",  "symbols.", "host.samples.",
                                                      "trigger.", "metrics."};

void take_fact(std::string_view name, const std::string& value, RowFacts& facts) {
  if (name == "host")
    facts.host = value;
  else if (name == "service")
    facts.service = value;
  else if (name == "version")
    facts.version = value;
  else if (name == "build_id")
    facts.build_id = value;
  else if (name == "comm")
    facts.comm = value;
  else if (name == "pid")
    std::from_chars(value.data(), value.data() + value.size(), facts.pid);
  else if (!is_of_one_profile(name) && !is_row_column(name))
    facts.labels.emplace(name, value);
}

} // namespace

bool is_of_one_profile(std::string_view name) {
  return std::ranges::find(kOfOneProfile, name) != kOfOneProfile.end();
}

RowFacts facts_of(const perftools::profiles::Profile& profile) {
  RowFacts facts;
  facts.time_nanos = profile.time_nanos();
  facts.duration_nanos = profile.duration_nanos();
  for (const int64_t index : profile.comment()) {
    const std::string_view comment = text(profile, index);
    const size_t equals = comment.find('=');
    const auto begins = [comment](std::string_view prefix) { return comment.starts_with(prefix); };
    if (equals != std::string_view::npos && std::ranges::none_of(kNoFacts, begins))
      take_fact(comment.substr(0, equals), std::string(comment.substr(equals + 1)), facts);
  }
  if (profile.mapping_size() == 0)
    return facts;
  const auto& program = profile.mapping(0);
  const std::string name(last_component(text(profile, program.filename())));
  for (std::string* const missing : {&facts.service, &facts.comm})
    if (missing->empty())
      *missing = name;
  if (facts.build_id.empty())
    facts.build_id = text(profile, program.build_id());
  return facts;
}

} // namespace pprofd
