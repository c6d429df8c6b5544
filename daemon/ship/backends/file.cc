// Files in a folder: for a shared file system, or for what somebody else picks up.
#include <utility>

#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/objects.h"

namespace pprofd::ship {

Result<std::vector<Parcel>> encode_file(const serve::ShipTarget& target,
                                        std::span<const serve::WindowProfile> profiles) {
  auto objects = objects_of(target, profiles);
  if (!objects)
    return std::unexpected(objects.error());
  std::vector<Parcel> parcels;
  for (Object& object : *objects) {
    Parcel& parcel = parcels.emplace_back();
    parcel.url = std::move(object.name);
    parcel.cost = object.bytes.size();
    parcel.body = std::move(object.bytes);
  }
  return parcels;
}

} // namespace pprofd::ship
