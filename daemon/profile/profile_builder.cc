#include "daemon/profile/profile_builder.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include "daemon/profile/entry_key.h"
#include "daemon/profile/function_table.h"
#include "daemon/profile/lines.h"
#include "daemon/profile/path.h"
#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

void require(bool condition, const char* what) {
  if (!condition)
    throw std::invalid_argument(std::string("ProfileBuilder: ") + what);
}

bool good_type_name(std::string_view name) {
  return !name.empty() && name.find_first_of("-.") == std::string_view::npos;
}

void check_header(const ProfileHeader& header) {
  require(!header.sample_types.empty(), "no sample types");
  for (const auto& [type, unit] : header.sample_types)
    require(good_type_name(type) && !unit.empty(), "bad sample type");
  require(good_type_name(header.period_type.first) && !header.period_type.second.empty(),
          "bad period type");
  require(header.period > 0 && header.time_nanos > 0, "no period or no time");
  require(std::ranges::any_of(
              header.sample_types,
              [&](const auto& type) { return type.first == header.default_sample_type; }),
          "the default sample type is none of the sample types");
}

// Readers take a build id for hexadecimal digits, lower case; anything else is no build id.
std::string normal_build_id(std::string_view given) {
  std::string id(given);
  for (char& c : id) {
    if (c >= 'A' && c <= 'F')
      c = static_cast<char>(c - 'A' + 'a');
    bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (!digit)
      return {};
  }
  return id;
}

bool inside(const proto::Mapping& mapping, uint64_t address) {
  constexpr uint64_t kEverything = std::numeric_limits<uint64_t>::max();
  return address >= mapping.memory_start() &&
         (address < mapping.memory_limit() || mapping.memory_limit() == kEverything);
}

struct KeptLabel {
  int64_t key, text, number, unit;
};

} // namespace

std::string unsymbolized_name(std::string_view file, uint64_t elf_address) {
  char address[24];
  std::snprintf(address, sizeof address, "+0x%llx", static_cast<unsigned long long>(elf_address));
  return std::string(last_component(file)) + address;
}

struct ProfileBuilder::State {
  explicit State(const ProfileHeader& header);

  uint64_t add_unknown_mapping();
  uint64_t add_place(const proto::Mapping& mapping, uint64_t address);
  void note_lines(proto::Mapping& mapping, std::span<const LineInfo> lines) const;
  std::vector<KeptLabel> keep(std::span<const Label> labels);
  void put_main_executable_first();

  proto::Profile profile;
  StringTable strings{profile};
  bool symbolized;
  uint64_t unknown_mapping = 0;
  std::vector<bool> never_first; // by mapping id - 1
  EntryKey key;
  FunctionTable functions{profile, strings};
  EntryIndex mappings, locations, samples;
};

ProfileBuilder::State::State(const ProfileHeader& header) : symbolized(header.symbolized) {
  for (const auto& [type, unit] : header.sample_types) {
    auto& added = *profile.add_sample_type();
    added.set_type(strings.add(type));
    added.set_unit(strings.add(unit));
  }
  profile.mutable_period_type()->set_type(strings.add(header.period_type.first));
  profile.mutable_period_type()->set_unit(strings.add(header.period_type.second));
  profile.set_period(header.period);
  profile.set_time_nanos(header.time_nanos);
  profile.set_duration_nanos(std::max<int64_t>(header.duration_nanos, 1));
  profile.set_default_sample_type(strings.add(header.default_sample_type));
  profile.set_doc_url(strings.add(header.doc_url));
}

uint64_t ProfileBuilder::State::add_unknown_mapping() {
  if (unknown_mapping == 0) {
    auto& added = *profile.add_mapping();
    unknown_mapping = static_cast<uint64_t>(profile.mapping_size());
    never_first.push_back(true);
    added.set_id(unknown_mapping);
    added.set_memory_limit(std::numeric_limits<uint64_t>::max());
    added.set_filename(strings.add("[unknown]"));
    added.set_has_functions(symbolized);
  }
  return unknown_mapping;
}

// The function that stands for an address without a symbol.
uint64_t ProfileBuilder::State::add_place(const proto::Mapping& mapping, uint64_t address) {
  std::string name = unsymbolized_name(profile.string_table(static_cast<int>(mapping.filename())),
                                       address - mapping.memory_start() + mapping.file_offset());
  return functions.add({.name = std::move(name), .system_name = {}, .file = {}});
}

void ProfileBuilder::State::note_lines(proto::Mapping& mapping,
                                       std::span<const LineInfo> lines) const {
  for (const LineInfo& line : lines) {
    require(line.function > 0 && line.function <= static_cast<uint64_t>(profile.function_size()),
            "unknown function");
    if (profile.function(static_cast<int>(line.function - 1)).filename() != 0)
      mapping.set_has_filenames(true);
    if (line.line != 0)
      mapping.set_has_line_numbers(true);
  }
  if (lines.size() > 1)
    mapping.set_has_inline_frames(true);
}

std::vector<KeptLabel> ProfileBuilder::State::keep(std::span<const Label> labels) {
  std::vector<KeptLabel> kept;
  kept.reserve(labels.size());
  for (const Label& label : labels) {
    bool empty = label.text.empty() && label.number == 0 && label.unit.empty();
    if (empty || label.key.empty() || label.key.starts_with("pprof::"))
      continue;
    int64_t name = strings.add(label.key);
    if (std::ranges::find(kept, name, &KeptLabel::key) != kept.end())
      continue;
    if (!label.text.empty())
      kept.push_back({name, strings.add(label.text), 0, 0});
    else
      kept.push_back({name, 0, label.number, label.unit.empty() ? name : strings.add(label.unit)});
  }
  std::ranges::sort(kept, {}, &KeptLabel::key);
  return kept;
}

// Frames of the kernel come first in a trace, so its mapping may have been added first.
void ProfileBuilder::State::put_main_executable_first() {
  auto main = std::ranges::find(never_first, false);
  if (main == never_first.begin() || main == never_first.end())
    return;
  auto front = static_cast<uint64_t>(main - never_first.begin()) + 1;
  auto& table = *profile.mutable_mapping();
  for (auto at = static_cast<int>(front) - 1; at > 0; at--)
    table.SwapElements(at, at - 1);
  for (int i = 0; i < table.size(); i++)
    table[i].set_id(static_cast<uint64_t>(i) + 1);
  for (auto& location : *profile.mutable_location()) {
    uint64_t old = location.mapping_id();
    if (old <= front)
      location.set_mapping_id(old == front ? 1 : old + 1);
  }
}

ProfileBuilder::ProfileBuilder(ProfileHeader header) {
  if (header.default_sample_type.empty() && !header.sample_types.empty())
    header.default_sample_type = header.sample_types.back().first;
  check_header(header);
  state_ = std::make_unique<State>(header);
}

ProfileBuilder::ProfileBuilder(ProfileBuilder&&) noexcept = default;
ProfileBuilder& ProfileBuilder::operator=(ProfileBuilder&&) noexcept = default;
ProfileBuilder::~ProfileBuilder() = default;

uint64_t ProfileBuilder::add_mapping(const MappingInfo& mapping) {
  State& s = *state_;
  int64_t file = s.strings.add(mapping.file);
  int64_t build_id = s.strings.add(normal_build_id(mapping.build_id));
  s.key.clear();
  s.key.number(mapping.start).number(mapping.limit).number(mapping.offset);
  s.key.number(file).number(build_id);
  auto next = static_cast<uint64_t>(s.profile.mapping_size()) + 1;
  auto [id, added] = s.mappings.find_or_add(s.key, next);
  if (!added)
    return id;
  s.never_first.push_back(mapping.kernel);
  auto& entry = *s.profile.add_mapping();
  entry.set_id(id);
  entry.set_memory_start(mapping.start);
  entry.set_memory_limit(mapping.limit > mapping.start ? mapping.limit
                                                       : std::numeric_limits<uint64_t>::max());
  entry.set_file_offset(mapping.offset);
  entry.set_filename(file);
  entry.set_build_id(build_id);
  entry.set_has_functions(s.symbolized);
  return id;
}

uint64_t ProfileBuilder::add_function(const FunctionInfo& function) {
  return state_->functions.add(function);
}

uint64_t ProfileBuilder::add_location(uint64_t mapping, uint64_t address,
                                      std::span<const LineInfo> lines) {
  State& s = *state_;
  require(mapping <= static_cast<uint64_t>(s.profile.mapping_size()), "unknown mapping");
  if (mapping == 0 || !inside(s.profile.mapping(static_cast<int>(mapping - 1)), address))
    mapping = s.add_unknown_mapping();
  auto& entry = *s.profile.mutable_mapping(static_cast<int>(mapping - 1));
  if (!s.symbolized)
    lines = {};
  LineInfo place;
  if (s.symbolized && lines.empty()) {
    place.function = s.add_place(entry, address);
    lines = {&place, 1};
  }
  s.note_lines(entry, lines);
  s.key.clear();
  s.key.number(mapping).number(address);
  for (const LineInfo& line : lines)
    s.key.number(line.function).number(line.line).number(line.column);
  auto next = static_cast<uint64_t>(s.profile.location_size()) + 1;
  auto [id, added] = s.locations.find_or_add(s.key, next);
  if (!added)
    return id;
  auto& location = *s.profile.add_location();
  location.set_id(id);
  location.set_mapping_id(mapping);
  location.set_address(address);
  set_lines(lines, location);
  return id;
}

void ProfileBuilder::add_sample(std::span<const uint64_t> locations,
                                std::span<const int64_t> values, std::span<const Label> labels) {
  State& s = *state_;
  require(values.size() == static_cast<size_t>(s.profile.sample_type_size()),
          "wrong number of values");
  std::vector<KeptLabel> kept = s.keep(labels);
  s.key.clear();
  s.key.number(uint64_t{locations.size()});
  for (uint64_t location : locations) {
    require(location > 0 && location <= static_cast<uint64_t>(s.profile.location_size()),
            "unknown location");
    s.key.number(location);
  }
  for (const KeptLabel& label : kept)
    s.key.number(label.key).number(label.text).number(label.number).number(label.unit);
  auto next = static_cast<uint64_t>(s.profile.sample_size());
  auto [index, added] = s.samples.find_or_add(s.key, next);
  if (!added) {
    auto& present = *s.profile.mutable_sample(static_cast<int>(index));
    for (size_t i = 0; i < values.size(); i++) {
      auto at = static_cast<int>(i);
      present.set_value(at, saturating_add(present.value(at), values[i]));
    }
    return;
  }
  auto& sample = *s.profile.add_sample();
  sample.mutable_location_id()->Add(locations.begin(), locations.end());
  sample.mutable_value()->Add(values.begin(), values.end());
  for (const KeptLabel& label : kept) {
    auto& added_label = *sample.add_label();
    added_label.set_key(label.key);
    added_label.set_str(label.text);
    added_label.set_num(label.number);
    added_label.set_num_unit(label.unit);
  }
}

void ProfileBuilder::add_comment(std::string_view key, std::string_view value) {
  state_->profile.add_comment(state_->strings.add(std::string(key) + "=" + std::string(value)));
}

proto::Profile ProfileBuilder::finish() && {
  state_->put_main_executable_first();
  return std::move(state_->profile);
}

} // namespace pprofd
