// Pyroscope's push.v1.PusherService/Push (Connect, protobuf). Its limits, as measured on the real
// one: 30 labels a series, labels of samples among them; 16,000 samples and 4 MiB a profile, but
// above 2 MB, not compressed, 429 for ever. Labels of samples (threads) would make series, so they
// are left out.
#include <fmt/format.h>

#include <algorithm>

#include "daemon/profile/profile_builder.h"
#include "daemon/profile/utf8.h"
#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"
#include "daemon/ship/backends/split.h"
#include "proto/pyroscope.pb.h"

namespace pprofd::ship {

namespace {

constexpr SplitLimits kLimits = {.bytes = 1'900'000, .samples = 16'000};
constexpr size_t kMostLabels = 28; // beside the two that are always there
constexpr size_t kLongestValue = 1'024;

std::string uuid_of(uint64_t id, size_t piece) {
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", id >> 32, id >> 16 & 0xffff,
                     id & 0xfff, id >> 12 & 0xf, piece);
}

void add_label(push::v1::RawProfileSeries& series, const std::string& name,
               std::string_view value) {
  auto* const label = series.add_labels();
  label->set_name(name);
  label->set_value(to_utf8(value.substr(0, kLongestValue)));
}

void add_labels(push::v1::RawProfileSeries& series, const serve::ShipTarget& target,
                const serve::WindowProfile& profile) {
  Labels labels;
  for (const auto& [name, value] : labels_for(target, profile)) {
    const std::string there = prometheus_name(name);
    if (!there.starts_with("__") && there != "service_name" && labels.size() < kMostLabels)
      labels.emplace(there, value);
  }
  add_label(series, "__name__", series_name(profile));
  add_label(series, "service_name", profile.service());
  for (const auto& [name, value] : labels)
    add_label(series, name, value);
}

Result<Parcel> parcel_of(const serve::ShipTarget& target, const serve::WindowProfile& profile,
                         const perftools::profiles::Profile& piece, size_t number) {
  push::v1::PushRequest request;
  auto* const series = request.add_series();
  add_labels(*series, target, profile);
  auto* const sample = series->add_samples();
  sample->set_id(uuid_of(profile.id(), number));
  Result<std::string> bytes =
      target.compress() ? serialize_gzip(piece) : Result<std::string>(piece.SerializeAsString());
  if (!bytes)
    return std::unexpected(bytes.error());
  *sample->mutable_raw_profile() = std::move(*bytes);
  Parcel parcel;
  parcel.url = target.url() + "/push.v1.PusherService/Push";
  parcel.headers = {"Content-Type: application/proto", "Connect-Protocol-Version: 1"};
  parcel.body = request.SerializeAsString();
  parcel.cost = piece.ByteSizeLong();
  return parcel;
}

Result<void> add_parcels(const serve::ShipTarget& target, const serve::WindowProfile& profile,
                         std::vector<Parcel>& parcels) {
  auto parsed = parse_profile(profile.profile());
  if (!parsed)
    return std::unexpected(parsed.error());
  for (auto& sample : *parsed->mutable_sample())
    sample.clear_label();
  const auto pieces = split_profile(*parsed, kLimits);
  if (!pieces)
    return std::unexpected(pieces.error());
  for (size_t i = 0; i < pieces->size(); ++i) {
    auto parcel = parcel_of(target, profile, (*pieces)[i], i);
    if (!parcel)
      return std::unexpected(parcel.error());
    parcels.push_back(std::move(*parcel));
  }
  return {};
}

} // namespace

Result<std::vector<Parcel>> encode_pyroscope(const serve::ShipTarget& target,
                                             std::span<const serve::WindowProfile> profiles) {
  std::vector<Parcel> parcels;
  for (const serve::WindowProfile& profile : profiles)
    if (auto added = add_parcels(target, profile, parcels); !added)
      return std::unexpected(added.error());
  return parcels;
}

} // namespace pprofd::ship
