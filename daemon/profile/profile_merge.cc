#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "daemon/profile/entry_key.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

std::string type_text(const proto::Profile& profile, const proto::ValueType& type) {
  return text(profile, type.type()) + "/" + text(profile, type.unit());
}

std::string types_text(const proto::Profile& profile) {
  std::string types;
  for (const auto& type : profile.sample_type())
    types += (types.empty() ? "" : ", ") + type_text(profile, type);
  return types;
}

bool is_zero(const proto::Sample& sample) {
  return std::ranges::all_of(sample.value(), [](int64_t value) { return value == 0; });
}

struct MergedLabel {
  bool is_number = false;
  std::string_view key;
  int64_t text = 0, number = 0, unit = 0;
  size_t position = 0; // in the sample it comes from

  [[nodiscard]] auto order() const { return std::tuple(is_number, key, position); }
};

Result<void> check_compatible(const proto::Profile& a, const proto::Profile& b) {
  constexpr const char* kWhat = "merge profiles";
  if (types_text(a) != types_text(b))
    return fail(kWhat, "they measure different things: " + types_text(a) + " and " + types_text(b));
  std::string period_a = type_text(a, a.period_type());
  std::string period_b = type_text(b, b.period_type());
  if (period_a != period_b)
    return fail(kWhat, "their period types differ: " + period_a + " and " + period_b);
  return {};
}

} // namespace

// Puts samples of one profile after the other into the merged one, with the entries they need.
struct ProfileMerger::State {
  void add(const proto::Profile& profile) {
    add_header(profile);
    add_samples(profile);
  }

  // What is known of the profile that is being added.
  struct Source {
    explicit Source(const proto::Profile& p)
        : profile(p), mappings(p.mapping()), functions(p.function()), locations(p.location()),
          new_mapping(static_cast<size_t>(p.mapping_size())),
          new_function(static_cast<size_t>(p.function_size())),
          new_location(static_cast<size_t>(p.location_size())) {}

    const proto::Profile& profile;
    IdIndex mappings, functions, locations;
    // By position in the source: the merged id, 0 until it is needed.
    std::vector<uint64_t> new_mapping, new_function, new_location;
  };

  void copy_types(const proto::Profile& first);
  void add_header(const proto::Profile& profile);
  void add_samples(const proto::Profile& profile);
  void add_sample(Source& source, const proto::Sample& sample);
  std::vector<MergedLabel> labels(const Source& source, const proto::Sample& sample);
  uint64_t map_mapping(Source& source, int position);
  uint64_t map_function(Source& source, int position);
  uint64_t map_location(Source& source, int position);

  proto::Profile out_;
  StringTable strings_{out_};
  EntryKey key_;
  EntryIndex mappings_, functions_, locations_, samples_;
  std::unordered_set<int64_t> comments_;
  bool first_ = true;
  size_t frames_ = 0; // of the stacks
};

void ProfileMerger::State::copy_types(const proto::Profile& first) {
  auto copy_type = [&](const proto::ValueType& from, proto::ValueType& to) {
    to.set_type(strings_.add(text(first, from.type())));
    to.set_unit(strings_.add(text(first, from.unit())));
  };
  for (const auto& type : first.sample_type())
    copy_type(type, *out_.add_sample_type());
  if (first.has_period_type())
    copy_type(first.period_type(), *out_.mutable_period_type());
  out_.set_drop_frames(strings_.add(text(first, first.drop_frames())));
  out_.set_keep_frames(strings_.add(text(first, first.keep_frames())));
}

void ProfileMerger::State::add_header(const proto::Profile& profile) {
  if (first_)
    copy_types(profile);
  first_ = false;
  int64_t time = profile.time_nanos();
  if (time != 0 && (out_.time_nanos() == 0 || time < out_.time_nanos()))
    out_.set_time_nanos(time);
  out_.set_duration_nanos(saturating_add(out_.duration_nanos(), profile.duration_nanos()));
  out_.set_period(std::max(out_.period(), profile.period()));
  for (int64_t comment : profile.comment()) {
    int64_t merged = strings_.add(text(profile, comment));
    if (comments_.insert(merged).second)
      out_.add_comment(merged);
  }
  if (out_.default_sample_type() == 0)
    out_.set_default_sample_type(strings_.add(text(profile, profile.default_sample_type())));
  if (out_.doc_url() == 0)
    out_.set_doc_url(strings_.add(text(profile, profile.doc_url())));
}

void ProfileMerger::State::add_samples(const proto::Profile& profile) {
  Source source(profile);
  // The main executable of the first profile stays first, whether samples lie in it or not.
  if (out_.mapping_size() == 0 && profile.mapping_size() > 0)
    map_mapping(source, 0);
  for (const auto& sample : profile.sample())
    if (!is_zero(sample))
      add_sample(source, sample);
}

std::vector<MergedLabel> ProfileMerger::State::labels(const Source& source,
                                                      const proto::Sample& sample) {
  std::vector<MergedLabel> merged;
  for (const auto& label : sample.label()) {
    std::string_view key = text(source.profile, label.key());
    if (label.str() != 0)
      merged.push_back({false, key, label.str(), 0, 0, merged.size()});
    else if (label.num() != 0 || label.num_unit() != 0)
      merged.push_back({true, key, 0, label.num(), label.num_unit(), merged.size()});
  }
  std::ranges::sort(merged, {}, &MergedLabel::order);
  for (MergedLabel& label : merged) {
    label.text = strings_.add(text(source.profile, label.text));
    label.unit = strings_.add(text(source.profile, label.unit));
  }
  return merged;
}

void ProfileMerger::State::add_sample(Source& source, const proto::Sample& sample) {
  std::vector<uint64_t> trace;
  trace.reserve(static_cast<size_t>(sample.location_id_size()));
  for (uint64_t id : sample.location_id())
    trace.push_back(map_location(source, source.locations.position(id)));
  std::vector<MergedLabel> merged_labels = labels(source, sample);
  key_.clear();
  key_.number(uint64_t{trace.size()});
  for (uint64_t id : trace)
    key_.number(id);
  for (const MergedLabel& label : merged_labels)
    key_.text(label.key).number(label.text).number(label.number).number(label.unit);
  auto next = static_cast<uint64_t>(out_.sample_size());
  auto [index, added] = samples_.find_or_add(key_, next);
  if (!added) {
    auto& present = *out_.mutable_sample(static_cast<int>(index));
    for (int i = 0; i < sample.value_size(); i++)
      present.set_value(i, saturating_add(present.value(i), sample.value(i)));
    return;
  }
  frames_ += trace.size();
  auto& entry = *out_.add_sample();
  entry.mutable_location_id()->Add(trace.begin(), trace.end());
  *entry.mutable_value() = sample.value();
  for (const MergedLabel& label : merged_labels) {
    auto& added_label = *entry.add_label();
    added_label.set_key(strings_.add(label.key));
    added_label.set_str(label.text);
    added_label.set_num(label.number);
    added_label.set_num_unit(label.unit);
  }
}

uint64_t ProfileMerger::State::map_mapping(Source& source, int position) {
  uint64_t& known = source.new_mapping[static_cast<size_t>(position)];
  if (known != 0)
    return known;
  const auto& mapping = source.profile.mapping(position);
  const std::string& file = text(source.profile, mapping.filename());
  const std::string& build_id = text(source.profile, mapping.build_id());
  // The same executable lies elsewhere in each process, and its last page may or may not count.
  constexpr uint64_t kPage = 0x1000;
  uint64_t pages = (mapping.memory_limit() - mapping.memory_start() + kPage - 1) / kPage;
  key_.clear();
  key_.number(pages).number(mapping.file_offset()).text(build_id.empty() ? file : build_id);
  auto next = static_cast<uint64_t>(out_.mapping_size()) + 1;
  auto [id, added] = mappings_.find_or_add(key_, next);
  known = id;
  if (added) {
    auto& entry = *out_.add_mapping();
    entry = mapping;
    entry.DiscardUnknownFields();
    entry.set_id(id);
    entry.set_filename(strings_.add(file));
    entry.set_build_id(strings_.add(build_id));
    return id;
  }
  auto& present = *out_.mutable_mapping(static_cast<int>(id - 1));
  uint64_t size = mapping.memory_limit() - mapping.memory_start();
  if (size > present.memory_limit() - present.memory_start())
    present.set_memory_limit(present.memory_start() + size);
  present.set_has_functions(present.has_functions() && mapping.has_functions());
  present.set_has_filenames(present.has_filenames() || mapping.has_filenames());
  present.set_has_line_numbers(present.has_line_numbers() || mapping.has_line_numbers());
  present.set_has_inline_frames(present.has_inline_frames() || mapping.has_inline_frames());
  return id;
}

uint64_t ProfileMerger::State::map_function(Source& source, int position) {
  uint64_t& known = source.new_function[static_cast<size_t>(position)];
  if (known != 0)
    return known;
  const auto& function = source.profile.function(position);
  int64_t name = strings_.add(text(source.profile, function.name()));
  int64_t system_name = strings_.add(text(source.profile, function.system_name()));
  int64_t file = strings_.add(text(source.profile, function.filename()));
  key_.clear();
  key_.number(name).number(system_name).number(file).number(function.start_line());
  auto next = static_cast<uint64_t>(out_.function_size()) + 1;
  auto [id, added] = functions_.find_or_add(key_, next);
  known = id;
  if (added) {
    auto& entry = *out_.add_function();
    entry.set_id(id);
    entry.set_name(name);
    entry.set_system_name(system_name);
    entry.set_filename(file);
    entry.set_start_line(function.start_line());
  }
  return id;
}

uint64_t ProfileMerger::State::map_location(Source& source, int position) {
  uint64_t& known = source.new_location[static_cast<size_t>(position)];
  if (known != 0)
    return known;
  const auto& location = source.profile.location(position);
  uint64_t mapping = 0;
  uint64_t address = location.address();
  uint64_t base = 0;
  if (int at = source.mappings.position(location.mapping_id()); at >= 0) {
    mapping = map_mapping(source, at);
    base = out_.mapping(static_cast<int>(mapping - 1)).memory_start();
    address += base - source.profile.mapping(at).memory_start();
  }
  proto::Location entry;
  for (const auto& line : location.line()) {
    auto& merged = *entry.add_line();
    merged.set_function_id(map_function(source, source.functions.position(line.function_id())));
    merged.set_line(line.line());
    merged.set_column(line.column());
  }
  key_.clear();
  key_.number(mapping).number(address - base).number(uint64_t{location.is_folded()});
  for (const auto& line : entry.line())
    key_.number(line.function_id()).number(line.line()).number(line.column());
  auto next = static_cast<uint64_t>(out_.location_size()) + 1;
  auto [id, added] = locations_.find_or_add(key_, next);
  known = id;
  if (added) {
    entry.set_id(id);
    entry.set_mapping_id(mapping);
    entry.set_address(address);
    entry.set_is_folded(location.is_folded());
    *out_.add_location() = std::move(entry);
  }
  return id;
}

ProfileMerger::ProfileMerger() : state_(std::make_unique<State>()) {}
ProfileMerger::ProfileMerger(ProfileMerger&&) noexcept = default;
ProfileMerger& ProfileMerger::operator=(ProfileMerger&&) noexcept = default;
ProfileMerger::~ProfileMerger() = default;

Result<void> ProfileMerger::add(const proto::Profile& profile) {
  if (!state_->first_)
    if (auto ok = check_compatible(state_->out_, profile); !ok)
      return ok;
  state_->add(profile);
  return {};
}

size_t ProfileMerger::memory_bytes() const {
  constexpr size_t kSample = 250; // the message with its values, its key in the index
  constexpr size_t kFrame = 16;   // an id in the message and one in the key
  constexpr size_t kEntry = 350;  // a location or function with its key
  constexpr size_t kString = 120;
  const proto::Profile& out = state_->out_;
  return static_cast<size_t>(out.sample_size()) * kSample + state_->frames_ * kFrame +
         static_cast<size_t>(out.location_size() + out.function_size()) * kEntry +
         static_cast<size_t>(out.string_table_size()) * kString;
}

proto::Profile ProfileMerger::finish() && {
  proto::Profile merged = std::move(state_->out_);
  if (std::ranges::none_of(merged.sample(), is_zero))
    return merged;
  // Samples that cancelled out left entries behind that nobody refers to any more.
  State again;
  again.add(merged);
  return std::move(again.out_);
}

Result<proto::Profile> merge(std::span<const proto::Profile* const> profiles) {
  if (profiles.empty())
    return fail("merge profiles", "there are none");
  for (const proto::Profile* profile : profiles)
    if (auto ok = check_compatible(*profiles.front(), *profile); !ok)
      return std::unexpected(ok.error());
  ProfileMerger merger;
  for (const proto::Profile* profile : profiles)
    if (auto ok = merger.add(*profile); !ok)
      return std::unexpected(ok.error());
  return std::move(merger).finish();
}

} // namespace pprofd
