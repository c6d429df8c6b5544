#include "daemon/profile/naming.h"

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/profile/id_index.h"
#include "daemon/profile/lines.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

// Comments that count frames without names, and among them those that nobody wanted to have named.
constexpr std::array<std::string_view, 2> kCounts = {"frames.unsymbolized=",
                                                     "symbols.missing.raw="};

// The comment's position; none, or one of several: nothing.
std::optional<int> comment_of(const proto::Profile& profile, std::string_view key) {
  std::optional<int> found;
  for (int i = 0; i < profile.comment_size(); i++) {
    if (!text(profile, profile.comment(i)).starts_with(key))
      continue;
    if (found)
      return std::nullopt;
    found = i;
  }
  return found;
}

// What a mapping has, by one line of its locations.
void note_line(const proto::Function& function, const proto::Line& line, proto::Mapping& mapping) {
  if (function.filename() != 0)
    mapping.set_has_filenames(true);
  if (line.line() != 0)
    mapping.set_has_line_numbers(true);
}

} // namespace

std::vector<NamelessMapping> nameless_mappings(const proto::Profile& profile) {
  const IdIndex mappings(profile.mapping());
  std::map<int, std::vector<int>> nameless;
  for (int i = 0; i < profile.location_size(); i++) {
    const proto::Location& location = profile.location(i);
    const int mapping = mappings.position(location.mapping_id());
    if (location.line_size() == 0 && mapping >= 0 && !profile.mapping(mapping).has_functions())
      nameless[mapping].push_back(i);
  }
  std::vector<NamelessMapping> all;
  all.reserve(nameless.size());
  for (auto& [mapping, locations] : nameless)
    all.push_back({.mapping = mapping, .locations = std::move(locations)});
  return all;
}

ProfileNaming::ProfileNaming(proto::Profile& profile)
    : profile_(profile), strings_(profile), functions_(profile, strings_),
      symbols_(static_cast<size_t>(profile.location_size())),
      changed_(static_cast<size_t>(profile.mapping_size())), mappings_(profile.mapping()) {}

void ProfileNaming::set_lines(int location, std::span<const LineInfo> lines, bool symbol) {
  proto::Location& entry = *profile_.mutable_location(location);
  pprofd::set_lines(lines, entry);
  symbols_[static_cast<size_t>(location)] = symbol;
  if (const int mapping = mappings_.position(entry.mapping_id()); mapping >= 0)
    changed_[static_cast<size_t>(mapping)] = true;
}

void ProfileNaming::finish() {
  set_flags();
  count_frames();
}

void ProfileNaming::set_flags() {
  const IdIndex functions(profile_.function());
  for (int i = 0; i < profile_.mapping_size(); i++)
    if (changed_[static_cast<size_t>(i)])
      profile_.mutable_mapping(i)->set_has_functions(true);
  for (const proto::Location& location : profile_.location()) {
    const int position = mappings_.position(location.mapping_id());
    if (position < 0 || !changed_[static_cast<size_t>(position)])
      continue;
    proto::Mapping& mapping = *profile_.mutable_mapping(position);
    if (location.line_size() == 0)
      mapping.set_has_functions(false);
    if (location.line_size() > 1)
      mapping.set_has_inline_frames(true);
    for (const proto::Line& line : location.line())
      note_line(profile_.function(functions.position(line.function_id())), line, mapping);
  }
}

// A frame counts once a sample, which the first value counts. Nothing: they don't add up.
std::optional<uint64_t> ProfileNaming::named_frames() const {
  const IdIndex locations(profile_.location());
  uint64_t frames = 0;
  for (const proto::Sample& sample : profile_.sample()) {
    uint64_t named = 0;
    for (const uint64_t id : sample.location_id())
      named += symbols_[static_cast<size_t>(locations.position(id))] ? 1 : 0;
    const int64_t samples = sample.value_size() == 0 ? 0 : sample.value(0);
    uint64_t of_samples = 0;
    if (samples < 0 || __builtin_mul_overflow(named, static_cast<uint64_t>(samples), &of_samples) ||
        __builtin_add_overflow(frames, of_samples, &frames))
      return std::nullopt;
  }
  return frames;
}

// Frames that have got a name are not without any more.
void ProfileNaming::count_frames() {
  const auto named = named_frames();
  if (!named)
    return;
  for (const std::string_view key : kCounts) {
    const auto comment = comment_of(profile_, key);
    if (!comment)
      continue;
    const std::string_view text_of_count =
        std::string_view(text(profile_, profile_.comment(*comment))).substr(key.size());
    uint64_t count = 0;
    const auto parsed =
        std::from_chars(text_of_count.data(), text_of_count.data() + text_of_count.size(), count);
    if (parsed.ec != std::errc() || *named > count)
      continue; // the profile is not what it says
    const std::string changed = std::string(key) + std::to_string(count - *named);
    profile_.set_comment(*comment, strings_.add(changed));
  }
}

} // namespace pprofd
