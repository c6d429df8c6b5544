// Parca's ProfileStoreService/WriteRaw by its JSON gateway. A profile without a period's type
// breaks its list of types for good, one without duration or time is filed wrongly: they are not
// sent.
#include <openssl/evp.h>

#include <set>

#include "daemon/profile/json_text.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"

namespace pprofd::ship {

namespace {

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::string label_json(std::string_view name, std::string_view value) {
  return R"({"name":)" + json_text(name) + R"(,"value":)" + json_text(value) + "}";
}

// Names are Prometheus' and none stands twice, or all is refused.
std::string labels_json(const serve::ShipTarget& target, const serve::WindowProfile& profile) {
  std::string text = label_json("__name__", series_name(profile)) + "," +
                     label_json("service_name", profile.service());
  std::set<std::string> taken = {"service_name"};
  for (const auto& [name, value] : labels_for(target, profile)) {
    const std::string there = prometheus_name(name);
    if (!there.starts_with("__") && taken.insert(there).second)
      text += "," + label_json(there, value);
  }
  return text;
}

Result<void> check(const serve::WindowProfile& profile) {
  const auto parsed = parse_profile(profile.profile());
  if (!parsed)
    return std::unexpected(parsed.error());
  if (!parsed->has_period_type() || parsed->period_type().type() == 0 ||
      parsed->duration_nanos() <= 0 || parsed->time_nanos() <= 0)
    return fail("ship a profile to Parca", "it says no period's type, duration or time");
  return {};
}

Result<std::string> series_json(const serve::ShipTarget& target,
                                const serve::WindowProfile& profile) {
  if (auto checked = check(profile); !checked)
    return std::unexpected(checked.error());
  const auto bytes = profile_bytes(target, profile);
  if (!bytes)
    return std::unexpected(bytes.error());
  return R"({"labels":{"labels":[)" + labels_json(target, profile) +
         R"(]},"samples":[{"rawProfile":")" + base64(*bytes) + R"("}]})";
}

} // namespace

Result<std::vector<Parcel>> encode_parca(const serve::ShipTarget& target,
                                         std::span<const serve::WindowProfile> profiles) {
  std::string series;
  for (const serve::WindowProfile& profile : profiles) {
    if (profile.samples() == 0)
      continue; // nothing would be stored
    const auto one = series_json(target, profile);
    if (!one)
      return std::unexpected(one.error());
    series += (series.empty() ? "" : ",") + *one;
  }
  std::vector<Parcel> parcels;
  if (series.empty())
    return parcels;
  Parcel& parcel = parcels.emplace_back();
  parcel.url = target.url() + "/api/profiles/writeraw";
  parcel.headers = {"Content-Type: application/json"};
  parcel.body = R"({"normalized":false,"series":[)" + series + "]}";
  parcel.cost = parcel.body.size();
  return parcels;
}

} // namespace pprofd::ship
