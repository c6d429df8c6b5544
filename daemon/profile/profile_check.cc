#include <algorithm>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/profile/profile_builder.h"
#include "daemon/profile/utf8.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

using Check = Result<void>;

Check broken(std::string why) {
  return fail("invalid profile", std::move(why));
}

std::string nth(const char* what, int index) {
  return std::string(what) + " " + std::to_string(index + 1);
}

// The ids of one table. Most tables are numbered 1..N.
class Ids {
public:
  template <typename Table> Check fill(const Table& table, const char* what) {
    dense_.assign(static_cast<size_t>(table.size()) + 1, false);
    for (int i = 0; i < table.size(); i++) {
      uint64_t id = table[i].id();
      if (id == 0)
        return broken(nth(what, i) + " has the id 0");
      if (!add(id))
        return broken("two entries have the id of " + nth(what, i) + ", " + std::to_string(id) +
                      " (several profiles in one file?)");
    }
    return {};
  }
  [[nodiscard]] bool contains(uint64_t id) const {
    return id < dense_.size() ? dense_[id] : sparse_.contains(id);
  }

private:
  bool add(uint64_t id) {
    if (id >= dense_.size())
      return sparse_.insert(id).second;
    bool is_new = !dense_[id];
    dense_[id] = true;
    return is_new;
  }

  std::vector<bool> dense_;
  std::unordered_set<uint64_t> sparse_;
};

class Consistency {
public:
  explicit Consistency(const proto::Profile& profile) : profile_(profile) {}

  Check run() {
    Check result = header();
    auto then = [&](auto step) {
      if (result)
        result = (this->*step)();
    };
    then(&Consistency::mappings);
    then(&Consistency::functions);
    then(&Consistency::locations);
    then(&Consistency::samples);
    return result;
  }

private:
  Check text(int64_t index, const std::string& where) const {
    if (index >= 0 && index < profile_.string_table_size())
      return {};
    return broken(where + " refers to string " + std::to_string(index) + " of " +
                  std::to_string(profile_.string_table_size()));
  }

  Check texts(std::initializer_list<int64_t> indices, const char* what, int entry) const {
    for (int64_t index : indices)
      if (index < 0 || index >= profile_.string_table_size())
        return text(index, nth(what, entry));
    return {};
  }

  Check header() const {
    if (profile_.string_table_size() == 0)
      return broken("it has no string table");
    if (!profile_.string_table(0).empty())
      return broken("the first string is not empty");
    if (profile_.sample_type_size() == 0 && profile_.sample_size() > 0)
      return broken("it does not say what its samples measure (no sample types)");
    for (int i = 0; i < profile_.sample_type_size(); i++) {
      const auto& type = profile_.sample_type(i);
      if (auto ok = texts({type.type(), type.unit()}, "sample type", i); !ok)
        return ok;
    }
    for (int64_t index :
         {profile_.drop_frames(), profile_.keep_frames(), profile_.period_type().type(),
          profile_.period_type().unit(), profile_.default_sample_type(), profile_.doc_url()})
      if (auto ok = text(index, "the header"); !ok)
        return ok;
    for (int64_t index : profile_.comment())
      if (auto ok = text(index, "a comment"); !ok)
        return ok;
    return {};
  }

  Check mappings() {
    for (int i = 0; i < profile_.mapping_size(); i++) {
      const auto& mapping = profile_.mapping(i);
      if (auto ok = texts({mapping.filename(), mapping.build_id()}, "mapping", i); !ok)
        return ok;
    }
    return mapping_ids_.fill(profile_.mapping(), "mapping");
  }

  Check functions() {
    for (int i = 0; i < profile_.function_size(); i++) {
      const auto& function = profile_.function(i);
      if (auto ok =
              texts({function.name(), function.system_name(), function.filename()}, "function", i);
          !ok)
        return ok;
    }
    return function_ids_.fill(profile_.function(), "function");
  }

  Check locations() {
    for (int i = 0; i < profile_.location_size(); i++) {
      const auto& location = profile_.location(i);
      uint64_t mapping = location.mapping_id();
      if (mapping != 0 && !mapping_ids_.contains(mapping))
        return broken(nth("location", i) + " refers to mapping " + std::to_string(mapping) +
                      ", which does not exist");
      for (const auto& line : location.line())
        if (!function_ids_.contains(line.function_id()))
          return broken("a line of " + nth("location", i) + " refers to function " +
                        std::to_string(line.function_id()) + ", which does not exist");
    }
    return location_ids_.fill(profile_.location(), "location");
  }

  Check samples() const {
    for (int i = 0; i < profile_.sample_size(); i++) {
      const auto& sample = profile_.sample(i);
      if (sample.value_size() != profile_.sample_type_size())
        return broken(nth("sample", i) + " has " + std::to_string(sample.value_size()) +
                      " values for " + std::to_string(profile_.sample_type_size()) +
                      " sample types");
      for (uint64_t id : sample.location_id())
        if (!location_ids_.contains(id))
          return broken(nth("sample", i) + " refers to location " + std::to_string(id) +
                        ", which does not exist");
      for (const auto& label : sample.label())
        if (auto ok = texts({label.key(), label.str(), label.num_unit()}, "a label of sample", i);
            !ok)
          return ok;
    }
    return {};
  }

  const proto::Profile& profile_;
  Ids mapping_ids_, function_ids_, location_ids_;
};

// The rules beyond consistency. Indices and references are known to be good here.
class Strictness {
public:
  explicit Strictness(const proto::Profile& profile) : profile_(profile) {}

  Check run() const {
    for (auto step : {&Strictness::header, &Strictness::types, &Strictness::numbering,
                      &Strictness::locations, &Strictness::mappings, &Strictness::labels})
      if (auto ok = (this->*step)(); !ok)
        return ok;
    return {};
  }

private:
  [[nodiscard]] const std::string& text(int64_t index) const {
    return profile_.string_table(static_cast<int>(index));
  }

  Check header() const {
    for (int i = 0; i < profile_.string_table_size(); i++)
      if (!is_utf8(profile_.string_table(i)))
        return broken(nth("string", i) + " is not UTF-8");
    if (profile_.time_nanos() <= 0 || profile_.duration_nanos() <= 0)
      return broken("it has no time or no duration");
    if (profile_.period() <= 0)
      return broken("it has no period");
    if (profile_.drop_frames() != 0 || profile_.keep_frames() != 0)
      return broken("drop_frames or keep_frames is set");
    return {};
  }

  Check type_name(const proto::ValueType& type, const char* what) const {
    if (type.type() == 0 || type.unit() == 0)
      return broken(std::string(what) + " lacks its name or unit");
    if (text(type.type()).find_first_of("-.") != std::string::npos)
      return broken(std::string(what) + " '" + text(type.type()) + "' has '-' or '.' in its name");
    return {};
  }

  Check types() const {
    if (profile_.sample_type_size() == 0)
      return broken("it has no sample types");
    bool default_found = false;
    for (const auto& type : profile_.sample_type()) {
      if (auto ok = type_name(type, "sample type"); !ok)
        return ok;
      default_found |= type.type() == profile_.default_sample_type();
    }
    if (!default_found)
      return broken("the default sample type is none of the sample types");
    return type_name(profile_.period_type(), "period type");
  }

  template <typename Table> static Check sequential(const Table& table, const char* what) {
    for (int i = 0; i < table.size(); i++)
      if (table[i].id() != static_cast<uint64_t>(i) + 1)
        return broken(nth(what, i) + " has the id " + std::to_string(table[i].id()) +
                      ": not numbered from 1 in table order");
    return {};
  }

  Check numbering() const {
    auto ok = sequential(profile_.mapping(), "mapping");
    if (ok)
      ok = sequential(profile_.function(), "function");
    if (ok)
      ok = sequential(profile_.location(), "location");
    return ok;
  }

  // What a mapping's flags should say, from its locations.
  struct Found {
    size_t locations = 0, with_functions = 0;
    bool filenames = false, line_numbers = false, inline_frames = false;
  };

  [[nodiscard]] std::vector<Found> look_at_locations() const {
    std::vector<Found> found(static_cast<size_t>(profile_.mapping_size()) + 1);
    for (const auto& location : profile_.location()) {
      Found& at = found[location.mapping_id()];
      at.locations++;
      at.with_functions += location.line_size() > 0;
      at.inline_frames |= location.line_size() > 1;
      for (const auto& line : location.line()) {
        at.line_numbers |= line.line() != 0;
        at.filenames |= profile_.function(static_cast<int>(line.function_id()) - 1).filename() != 0;
      }
    }
    return found;
  }

  Check mappings() const {
    std::vector<Found> found = look_at_locations();
    bool raw = profile_.function_size() == 0 && profile_.location_size() > 0;
    for (int i = 0; i < profile_.mapping_size(); i++) {
      const auto& mapping = profile_.mapping(i);
      const Found& at = found[static_cast<size_t>(i) + 1];
      if (mapping.memory_limit() <= mapping.memory_start())
        return broken(nth("mapping", i) + " ends before it begins");
      if (text(mapping.build_id()).find_first_not_of("0123456789abcdef") != std::string::npos)
        return broken(nth("mapping", i) + " has a build id that is not lower-case hexadecimal");
      if (profile_.location_size() > 0 && mapping.has_functions() == raw)
        return broken(nth("mapping", i) + ": has_functions is not what its profile is");
      if (mapping.has_functions() && at.with_functions != at.locations)
        return broken(nth("mapping", i) + " has_functions, but a location has none");
      if (mapping.has_filenames() != at.filenames ||
          mapping.has_line_numbers() != at.line_numbers ||
          mapping.has_inline_frames() != at.inline_frames)
        return broken(nth("mapping", i) +
                      ": has_filenames, has_line_numbers or has_inline_frames is not so");
    }
    return {};
  }

  Check locations() const {
    constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();
    for (int i = 0; i < profile_.location_size(); i++) {
      const auto& location = profile_.location(i);
      if (location.mapping_id() == 0)
        return broken(nth("location", i) + " has no mapping");
      const auto& mapping = profile_.mapping(static_cast<int>(location.mapping_id()) - 1);
      uint64_t address = location.address();
      if (address < mapping.memory_start() ||
          (address >= mapping.memory_limit() && mapping.memory_limit() != kEverything))
        return broken(nth("location", i) + " lies outside its mapping");
    }
    return {};
  }

  Check labels() const {
    for (int i = 0; i < profile_.sample_size(); i++) {
      std::vector<int64_t> keys;
      for (const auto& label : profile_.sample(i).label()) {
        const std::string& key = text(label.key());
        if (key.empty() || key.starts_with("pprof::"))
          return broken(nth("sample", i) + " has a label with an empty or reserved key");
        if ((label.str() == 0) == (label.num_unit() == 0) || (label.str() != 0 && label.num() != 0))
          return broken("label '" + key + "' of " + nth("sample", i) +
                        " is neither text nor a number with a unit");
        if (std::ranges::find(keys, label.key()) != keys.end())
          return broken(nth("sample", i) + " has two values for label '" + key + "'");
        keys.push_back(label.key());
      }
    }
    return {};
  }

  const proto::Profile& profile_;
};

} // namespace

Result<void> check_consistent(const proto::Profile& profile) {
  return Consistency(profile).run();
}

Result<void> check_valid(const proto::Profile& profile) {
  if (auto ok = check_consistent(profile); !ok)
    return ok;
  return Strictness(profile).run();
}

} // namespace pprofd
