// profefe's POST /api/0/profiles (github.com/profefe/profefe, and this daemon's own API).
#include <algorithm>
#include <array>

#include "daemon/profile/utf8.h"
#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"

namespace pprofd::ship {

namespace {

constexpr std::array<std::string_view, 7> kTypes = {"cpu",       "heap",         "block", "mutex",
                                                    "goroutine", "threadcreate", "trace"};

std::string type_of(const std::string& type) {
  return std::ranges::find(kTypes, type) != kTypes.end() ? type : "other";
}

// Values are unescaped twice there: as a part of the query, and each by itself.
std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += (text.empty() ? "" : ",") + name + "=" + percent_encoded(value);
  return text;
}

Result<Parcel> parcel_of(const serve::ShipTarget& target, const serve::WindowProfile& profile) {
  auto body = profile_bytes(target, profile);
  if (!body)
    return std::unexpected(body.error());
  Parcel parcel;
  parcel.url = target.url() +
               "/api/0/profiles?service=" + percent_encoded(to_utf8(profile.service())) +
               "&type=" + type_of(profile.type());
  if (const std::string labels = labels_text(labels_for(target, profile)); !labels.empty())
    parcel.url += "&labels=" + percent_encoded(labels);
  parcel.headers = {"Content-Type: application/octet-stream"};
  parcel.cost = body->size();
  parcel.body = std::move(*body);
  return parcel;
}

} // namespace

Result<std::vector<Parcel>> encode_profefe(const serve::ShipTarget& target,
                                           std::span<const serve::WindowProfile> profiles) {
  std::vector<Parcel> parcels;
  for (const serve::WindowProfile& profile : profiles) {
    if (profile.samples() == 0)
      continue; // refused there: "profile is empty"
    auto parcel = parcel_of(target, profile);
    if (!parcel)
      return std::unexpected(parcel.error());
    parcels.push_back(std::move(*parcel));
  }
  return parcels;
}

} // namespace pprofd::ship
