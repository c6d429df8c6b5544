// OTLP profiles over HTTP (POST /v1development/profiles), protobuf, optionally gzip. All profiles
// of a batch share one dictionary; a resource for each container (or service and host) with
// OpenTelemetry's names for what is known of it. One OTLP profile a sample type: the one that pprof
// would show.
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "daemon/profile/gzip.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/profile/utf8.h"
#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"
#include "proto/otlp.pb.h"

namespace pprofd::ship {

namespace {

namespace pprof = perftools::profiles;

// Names here and in OpenTelemetry's conventions; others keep theirs.
struct Convention {
  std::string_view here;
  std::string_view there;
};
constexpr std::array kConventions = {
    Convention{"host", "host.name"},
    Convention{"version", "service.version"},
    Convention{"env", "deployment.environment.name"},
    Convention{"zone", "cloud.availability_zone"},
    Convention{"region", "cloud.region"},
};
// What belongs to a process, hence to a profile; a resource has many.
constexpr std::array kOfProcess = {
    Convention{"pid", "process.pid"},
    Convention{"exe", "process.executable.path"},
    Convention{"comm", "process.executable.name"},
    Convention{"build_id", "process.executable.build_id.gnu"},
};

std::string name_there(std::string_view here) {
  for (const Convention& each : kConventions)
    if (each.here == here)
      return std::string(each.there);
  return std::string(here);
}

// The tables that profiles refer to; equal entries stand once.
class Dictionary {
public:
  Dictionary() {
    tables_.add_mapping_table();
    tables_.add_location_table();
    tables_.add_function_table();
    tables_.add_link_table();
    tables_.add_string_table("");
    tables_.add_attribute_table();
    tables_.add_stack_table();
    strings_[""] = 0;
  }

  int32_t string(const std::string& text) {
    const auto [at, added] = strings_.try_emplace(text, tables_.string_table_size());
    if (added)
      tables_.add_string_table(text);
    return at->second;
  }
  int32_t attribute(const std::string& key, const otlp::AnyValue& value,
                    const std::string& unit = {}) {
    otlp::KeyValueAndUnit entry;
    entry.set_key_strindex(string(key));
    *entry.mutable_value() = value;
    entry.set_unit_strindex(string(unit));
    return add(entry, attributes_, *tables_.mutable_attribute_table());
  }
  int32_t mapping(const otlp::Mapping& entry) {
    return add(entry, mappings_, *tables_.mutable_mapping_table());
  }
  int32_t function(const otlp::Function& entry) {
    return add(entry, functions_, *tables_.mutable_function_table());
  }
  int32_t location(const otlp::Location& entry) {
    return add(entry, locations_, *tables_.mutable_location_table());
  }
  int32_t stack(const otlp::Stack& entry) {
    return add(entry, stacks_, *tables_.mutable_stack_table());
  }
  otlp::ProfilesDictionary take() { return std::move(tables_); }

private:
  using Known = std::map<std::string, int32_t>;

  template <typename Entry, typename Table>
  static int32_t add(const Entry& entry, Known& known, Table& table) {
    const auto [at, added] = known.try_emplace(entry.SerializeAsString(), table.size());
    if (added)
      *table.Add() = entry;
    return at->second;
  }

  otlp::ProfilesDictionary tables_;
  Known strings_, attributes_, mappings_, functions_, locations_, stacks_;
};

otlp::AnyValue text_value(std::string_view text) {
  otlp::AnyValue value;
  value.set_string_value(to_utf8(text));
  return value;
}

otlp::AnyValue number_value(int64_t number) {
  otlp::AnyValue value;
  value.set_int_value(number);
  return value;
}

// One pprof profile in the dictionary's terms.
class Translation {
public:
  Translation(const pprof::Profile& profile, Dictionary& dictionary)
      : profile_(&profile), dictionary_(&dictionary) {
    for (const pprof::Mapping& mapping : profile.mapping())
      mappings_[mapping.id()] = add_mapping(mapping);
    for (const pprof::Function& function : profile.function())
      functions_[function.id()] = add_function(function);
    for (const pprof::Location& location : profile.location())
      locations_[location.id()] = add_location(location);
  }

  otlp::Profile make(const serve::WindowProfile& window) {
    otlp::Profile made;
    const int last = profile_->sample_type_size() - 1;
    *made.mutable_sample_type() = value_type(profile_->sample_type(last));
    *made.mutable_period_type() = value_type(profile_->period_type());
    made.set_period(profile_->period());
    made.set_time_unix_nano(static_cast<uint64_t>(profile_->time_nanos()));
    made.set_duration_nano(static_cast<uint64_t>(profile_->duration_nanos()));
    made.set_profile_id(id_of(window.id()));
    for (const pprof::Sample& sample : profile_->sample())
      add_sample(sample, last, made);
    for (const Convention& each : kOfProcess) {
      const auto found = window.labels().find(std::string(each.here));
      if (found != window.labels().end())
        made.add_attribute_indices(dictionary_->attribute(
            std::string(each.there),
            each.here == "pid" ? number_value(std::strtoll(found->second.c_str(), nullptr, 10))
                               : text_value(found->second)));
    }
    return made;
  }

private:
  [[nodiscard]] const std::string& text(int64_t index) const {
    return profile_->string_table(static_cast<int>(index));
  }

  otlp::ValueType value_type(const pprof::ValueType& from) {
    otlp::ValueType made;
    made.set_type_strindex(dictionary_->string(text(from.type())));
    made.set_unit_strindex(dictionary_->string(text(from.unit())));
    return made;
  }

  // 16 bytes, not all zero.
  static std::string id_of(uint64_t id) {
    std::string bytes = "pprofd.1";
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes += static_cast<char>(id >> shift & 0xff);
    return bytes;
  }

  int32_t add_mapping(const pprof::Mapping& from) {
    otlp::Mapping made;
    made.set_memory_start(from.memory_start());
    made.set_memory_limit(from.memory_limit());
    made.set_file_offset(from.file_offset());
    made.set_filename_strindex(dictionary_->string(text(from.filename())));
    if (from.build_id() != 0)
      made.add_attribute_indices(dictionary_->attribute("process.executable.build_id.gnu",
                                                        text_value(text(from.build_id()))));
    return dictionary_->mapping(made);
  }

  int32_t add_function(const pprof::Function& from) {
    otlp::Function made;
    made.set_name_strindex(dictionary_->string(text(from.name())));
    made.set_system_name_strindex(dictionary_->string(text(from.system_name())));
    made.set_filename_strindex(dictionary_->string(text(from.filename())));
    made.set_start_line(from.start_line());
    return dictionary_->function(made);
  }

  int32_t add_location(const pprof::Location& from) {
    otlp::Location made;
    made.set_mapping_index(from.mapping_id() == 0 ? 0 : mappings_.at(from.mapping_id()));
    made.set_address(from.address());
    for (const pprof::Line& line : from.line()) {
      auto* const to = made.add_lines();
      to->set_function_index(functions_.at(line.function_id()));
      to->set_line(line.line());
      to->set_column(line.column());
    }
    const bool kernel = from.mapping_id() != 0 && is_kernel(from.mapping_id());
    made.add_attribute_indices(
        dictionary_->attribute("profile.frame.type", text_value(kernel ? "kernel" : "native")));
    return dictionary_->location(made);
  }

  [[nodiscard]] bool is_kernel(uint64_t mapping) const {
    // Ids are 1 to N in the table's order in every profile of ours.
    const auto& entry = profile_->mapping(static_cast<int>(mapping) - 1);
    return text(entry.filename()).starts_with('[') &&
           (entry.memory_start() >> 63 != 0 || text(entry.filename()) == "[kernel.kallsyms]");
  }

  void add_sample(const pprof::Sample& from, int value, otlp::Profile& made) {
    otlp::Stack stack;
    for (const uint64_t location : from.location_id())
      stack.add_location_indices(locations_.at(location));
    auto* const to = made.add_samples();
    to->set_stack_index(dictionary_->stack(stack));
    to->add_values(from.value(value));
    for (const pprof::Label& label : from.label()) {
      const std::string& key = text(label.key());
      if (key == "tid")
        to->add_attribute_indices(dictionary_->attribute("thread.id", number_value(label.num())));
      else if (key == "thread")
        to->add_attribute_indices(
            dictionary_->attribute("thread.name", text_value(text(label.str()))));
    }
  }

  const pprof::Profile* profile_;
  Dictionary* dictionary_;
  std::map<uint64_t, int32_t> mappings_, functions_, locations_;
};

// What is the same for all profiles of a container, or of a service on its host.
otlp::Resource resource_of(const serve::ShipTarget& target, const serve::WindowProfile& window) {
  std::map<std::string, std::string> attributes;
  for (const auto& [name, value] : labels_for(target, window))
    if (name != "comm" || !target.labels().empty())
      attributes[target.labels().empty() ? name_there(name) : name] = value;
  attributes["service.name"] = to_utf8(window.service());
  otlp::Resource resource;
  for (const auto& [name, value] : attributes) {
    auto* const attribute = resource.add_attributes();
    attribute->set_key(name);
    *attribute->mutable_value() = text_value(value);
  }
  return resource;
}

otlp::ScopeProfiles& scope_of(otlp::ExportProfilesServiceRequest& request,
                              std::map<std::string, int>& resources,
                              const otlp::Resource& resource) {
  const auto [at, added] =
      resources.try_emplace(resource.SerializeAsString(), request.resource_profiles_size());
  if (added) {
    auto* const made = request.add_resource_profiles();
    *made->mutable_resource() = resource;
    made->add_scope_profiles()->mutable_scope()->set_name("pprofd");
  }
  return *request.mutable_resource_profiles(at->second)->mutable_scope_profiles(0);
}

} // namespace

Result<std::vector<Parcel>> encode_otlp(const serve::ShipTarget& target,
                                        std::span<const serve::WindowProfile> profiles) {
  otlp::ExportProfilesServiceRequest request;
  Dictionary dictionary;
  std::map<std::string, int> resources;
  for (const serve::WindowProfile& window : profiles) {
    const auto profile = parse_profile(window.profile());
    if (!profile)
      return std::unexpected(profile.error());
    if (profile->sample_type().empty())
      return fail("ship a profile", "it has no sample type");
    *scope_of(request, resources, resource_of(target, window)).add_profiles() =
        Translation(*profile, dictionary).make(window);
  }
  *request.mutable_dictionary() = dictionary.take();
  Parcel parcel;
  parcel.url = target.url() + "/v1development/profiles";
  parcel.headers = {"Content-Type: application/x-protobuf"};
  parcel.body = request.SerializeAsString();
  parcel.cost = parcel.body.size();
  if (target.compress()) {
    auto bytes = gzip(parcel.body);
    if (!bytes)
      return std::unexpected(bytes.error());
    parcel.body = std::move(*bytes);
    parcel.headers.emplace_back("Content-Encoding: gzip");
  }
  return std::vector<Parcel>{std::move(parcel)};
}

} // namespace pprofd::ship
