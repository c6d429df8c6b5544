#include "daemon/report/input.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>

#include "daemon/profile/profile_file.h"
#include "daemon/profile/string_table.h"
#include "daemon/profile/table/units.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

int find_type(const proto::Profile& profile, const std::string& name) {
  for (int i = 0; i < profile.sample_type_size(); i++)
    if (text(profile, profile.sample_type(i).type()) == name)
      return i;
  return -1;
}

std::vector<std::string> common_types(const std::vector<proto::Profile*>& profiles) {
  std::vector<std::string> common;
  for (const auto& type : profiles.front()->sample_type()) {
    const std::string& name = text(*profiles.front(), type.type());
    if (std::ranges::all_of(profiles,
                            [&](const proto::Profile* p) { return find_type(*p, name) >= 0; }) &&
        std::ranges::find(common, name) == common.end())
      common.push_back(name);
  }
  return common;
}

void keep_types(proto::Profile& profile, const std::vector<std::string>& names) {
  std::vector<int> from;
  from.reserve(names.size());
  for (const std::string& name : names)
    from.push_back(find_type(profile, name));
  bool same =
      static_cast<int>(from.size()) == profile.sample_type_size() && std::ranges::is_sorted(from);
  if (same)
    return;
  google::protobuf::RepeatedPtrField<proto::ValueType> types;
  bool default_kept = false;
  for (int i : from) {
    *types.Add() = profile.sample_type(i);
    default_kept |= profile.sample_type(i).type() == profile.default_sample_type();
  }
  for (auto& sample : *profile.mutable_sample()) {
    std::vector<int64_t> values;
    values.reserve(from.size());
    for (int i : from)
      values.push_back(sample.value(i));
    *sample.mutable_value() = {values.begin(), values.end()};
  }
  if (!default_kept)
    profile.set_default_sample_type(types[0].type());
  profile.mutable_sample_type()->Swap(&types);
}

int64_t scaled(int64_t value, double ratio) {
  double result = std::round(static_cast<double>(value) * ratio);
  constexpr auto kLimit = 9.2e18;
  if (std::abs(result) < kLimit)
    return static_cast<int64_t>(result);
  return result > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

int64_t string_index(proto::Profile& profile, const std::string& wanted) {
  for (int i = 0; i < profile.string_table_size(); i++)
    if (profile.string_table(i) == wanted)
      return i;
  profile.add_string_table(wanted);
  return profile.string_table_size() - 1;
}

// The finest of some units; empty where they are not of one kind.
std::string finest(const std::vector<std::string>& units) {
  std::string best = units.front();
  for (const std::string& unit : units) {
    double ratio = unit_ratio(best, unit);
    if (ratio == 0)
      return {};
    if (ratio > 1)
      best = unit;
  }
  return best;
}

Result<void> align_units(const std::vector<proto::Profile*>& profiles, int index) {
  std::vector<std::string> units;
  units.reserve(profiles.size());
  for (const proto::Profile* profile : profiles)
    units.push_back(text(*profile, profile->sample_type(index).unit()));
  if (std::ranges::adjacent_find(units, std::ranges::not_equal_to()) == units.end())
    return {};
  std::string best = finest(units);
  if (best.empty())
    return fail("compare profiles", "their units differ: " + units.front() + " and others");
  for (size_t i = 0; i < profiles.size(); i++) {
    double ratio = unit_ratio(units[i], best);
    profiles[i]->mutable_sample_type(index)->set_unit(string_index(*profiles[i], best));
    for (auto& sample : *profiles[i]->mutable_sample())
      sample.set_value(index, scaled(sample.value(index), ratio));
  }
  return {};
}

Result<void> align_periods(const std::vector<proto::Profile*>& profiles) {
  std::vector<std::string> units;
  units.reserve(profiles.size());
  for (const proto::Profile* profile : profiles)
    units.push_back(text(*profile, profile->period_type().unit()));
  std::string best = finest(units);
  if (best.empty())
    return {}; // merging them says what differs
  for (size_t i = 0; i < profiles.size(); i++) {
    if (units[i] == best)
      continue;
    profiles[i]->set_period(scaled(profiles[i]->period(), unit_ratio(units[i], best)));
    profiles[i]->mutable_period_type()->set_unit(string_index(*profiles[i], best));
  }
  return {};
}

} // namespace

Result<void> make_comparable(const std::vector<proto::Profile*>& profiles) {
  std::vector<std::string> names = common_types(profiles);
  if (names.empty())
    return fail("compare profiles", "they have no sample type in common");
  for (proto::Profile* profile : profiles)
    keep_types(*profile, names);
  for (int i = 0; i < static_cast<int>(names.size()); i++)
    if (auto ok = align_units(profiles, i); !ok)
      return ok;
  return align_periods(profiles);
}

Result<proto::Profile> read_merged(const std::vector<std::string>& files) {
  std::vector<proto::Profile> profiles;
  for (const std::string& file : files) {
    auto profile = read_profile(file);
    if (!profile)
      return std::unexpected(profile.error());
    profiles.push_back(std::move(*profile));
  }
  if (profiles.size() == 1)
    return std::move(profiles.front());
  std::vector<proto::Profile*> pointers;
  pointers.reserve(profiles.size());
  for (proto::Profile& profile : profiles)
    pointers.push_back(&profile);
  if (pointers.empty())
    return fail("report", "no files were given");
  if (auto ok = make_comparable(pointers); !ok)
    return std::unexpected(ok.error());
  return merge({pointers.begin(), pointers.end()});
}

} // namespace pprofd
