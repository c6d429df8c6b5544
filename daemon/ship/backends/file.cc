// Files in a folder: for a shared file system, or for what somebody else picks up.
#include <fmt/format.h>

#include "daemon/ship/backends/backend.h"

namespace pprofd::ship {

Result<std::vector<Parcel>> encode_file(const serve::ShipTarget& target,
                                        std::span<const serve::WindowProfile> profiles) {
  std::vector<Parcel> parcels;
  for (const serve::WindowProfile& profile : profiles) {
    auto bytes = profile_bytes(target, profile);
    if (!bytes)
      return std::unexpected(bytes.error());
    // The id makes it the same file when it is written again.
    Parcel parcel;
    parcel.url = fmt::format("{}/{}-{:016x}.{}", partition_of(profile), profile.time_nanos(),
                             profile.id(), target.compress() ? "pb.gz" : "pb");
    parcel.cost = bytes->size();
    parcel.body = std::move(*bytes);
    parcels.push_back(std::move(parcel));
  }
  return parcels;
}

} // namespace pprofd::ship
