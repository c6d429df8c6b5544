// What of a profile's facts goes to a target, under which names, and whether the profile concerns
// it. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "proto/serve.pb.h"

namespace pprofd::ship {

using Labels = std::map<std::string, std::string>;

// The labels that a target gets: where its configuration names some (name there = name here), those
// that the profile has; else all but what would make a series of each process and window. Without
// the service. Values are UTF-8.
Labels labels_for(const serve::ShipTarget& target, const serve::WindowProfile& profile);

// Whether the profile is to go there: include and exclude, KEY:GLOB as for whom to sample, and
// service:GLOB.
bool concerns(const serve::ShipTarget& target, const serve::WindowProfile& profile);

// A name as Prometheus has them: letters, digits and '_', no digit first; others become '_'.
std::string prometheus_name(std::string_view name);
// Everything but letters, digits, '-', '.', '_' and '~' as %XX.
std::string percent_encoded(std::string_view text);

} // namespace pprofd::ship
