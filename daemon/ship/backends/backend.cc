#include "daemon/ship/backends/backend.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "daemon/profile/profile_builder.h"
#include "daemon/ship/backends/labels.h"

namespace pprofd::ship {

namespace {

constexpr std::array kBackends = {
    Backend{.type = "profefe", .encode = encode_profefe},
    Backend{.type = "file", .encode = encode_file},
    Backend{.type = "pyroscope", .encode = encode_pyroscope},
    Backend{.type = "parca", .encode = encode_parca},
    Backend{.type = "otlp", .encode = encode_otlp},
};

constexpr int64_t kSecond = 1'000'000'000;

} // namespace

const Backend* find_backend(std::string_view type) {
  const auto* const found = std::ranges::find(kBackends, type, &Backend::type);
  return found == kBackends.end() ? nullptr : found;
}

Result<std::string> profile_bytes(const serve::ShipTarget& target,
                                  const serve::WindowProfile& profile) {
  if (target.compress())
    return profile.profile();
  const auto parsed = parse_profile(profile.profile());
  if (!parsed)
    return std::unexpected(parsed.error());
  return parsed->SerializeAsString();
}

std::string series_name(const serve::WindowProfile& profile) {
  return profile.type() == "cpu" ? "process_cpu" : profile.type();
}

std::string partition_of(const serve::WindowProfile& profile) {
  const auto host = profile.labels().find("host");
  const std::string name = host == profile.labels().end() ? "unknown" : host->second;
  return fmt::format("date={0:%Y-%m-%d}/hour={0:%H}/host={1}",
                     fmt::gmtime(static_cast<std::time_t>(profile.time_nanos() / kSecond)),
                     percent_encoded(name));
}

} // namespace pprofd::ship
