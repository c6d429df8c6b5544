#include "daemon/ship/backends/backend.h"

#include <algorithm>
#include <array>

#include "daemon/profile/profile_builder.h"

namespace pprofd::ship {

namespace {

constexpr std::array kBackends = {
    Backend{.type = "profefe", .encode = encode_profefe},
    Backend{.type = "file", .encode = encode_file},
    Backend{.type = "s3", .encode = encode_s3, .verdict = s3_verdict},
    Backend{.type = "pyroscope", .encode = encode_pyroscope},
    Backend{.type = "parca", .encode = encode_parca},
    Backend{.type = "otlp", .encode = encode_otlp},
};

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

} // namespace pprofd::ship
