#include "daemon/run/service_name.h"

#include <algorithm>
#include <string_view>

namespace pprofd {

namespace {

constexpr std::string_view kServiceEnding = ".service";
constexpr size_t kShortId = 12;

} // namespace

std::string service_name(const KeyValues& labels, const Process& process,
                         const std::string& executable) {
  const auto configured = std::ranges::find(labels, "service", &KeyValues::value_type::first);
  if (configured != labels.end())
    return configured->second;
  std::string unit = unit_of(*process.cgroups);
  // A user's manager runs programs of all kinds.
  if (unit.ends_with(kServiceEnding) && !unit.starts_with("user@"))
    return unit.substr(0, unit.size() - kServiceEnding.size());
  if (const std::string id = container_of(*process.cgroups); !id.empty())
    return id.substr(0, kShortId);
  const std::string base = executable.substr(executable.rfind('/') + 1);
  return base.empty() ? process.comm : base;
}

} // namespace pprofd
