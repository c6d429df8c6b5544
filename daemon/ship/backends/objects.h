// Profiles as files or objects, in folders by which engines leave out what a question is not about
// (Hive's way): date=2026-11-30/hour=20/host=HOST/, in UTC, by the profile's time. Pure.
//
//   TIME-ID.pb.gz              one pprof profile
//   TIME-FIRST-LAST.jsonl.zst  rows (daemon/profile/rows) of all profiles of a batch in this
//   folder:
//                              time of the first, ids of the first and of the last
//
// The same profiles make the same names. Names are ASCII; what of a host's name is not plain stands
// there as %XX.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

struct Object {
  std::string name; // with its folder
  std::string bytes;
};

// As the target has it: rows or pprof, compressed or not. Errors: what is to be rows is no profile.
Result<std::vector<Object>> objects_of(const serve::ShipTarget& target,
                                       std::span<const serve::WindowProfile> profiles);

} // namespace pprofd::ship
