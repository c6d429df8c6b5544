#include "daemon/symbolize/profile_symbolizer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"
#include "daemon/symbols/profile_lines.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kIndexesAtMost = 10min;
constexpr uint64_t kKernelSpace = uint64_t{1} << 63;

// Whether it may show a file: what has its name in brackets, [heap] or [kernel.kallsyms], does not.
bool of_file(const proto::Profile& profile, const proto::Mapping& mapping) {
  const std::string& file = text(profile, mapping.filename());
  return mapping.memory_start() < kKernelSpace && (file == "[vdso]" || !file.starts_with('['));
}

WantedExecutable wanted_by(const proto::Profile& profile, const proto::Mapping& mapping) {
  static constexpr std::string_view kDeleted = " (deleted)";
  WantedExecutable wanted{.path = text(profile, mapping.filename()),
                          .build_id = text(profile, mapping.build_id()),
                          .taken = saturating_add(profile.time_nanos(), profile.duration_nanos())};
  if (wanted.path.ends_with(kDeleted))
    wanted.path.resize(wanted.path.size() - kDeleted.size());
  std::ranges::transform(wanted.build_id, wanted.build_id.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  });
  return wanted;
}

symbolizer::WorkerOptions worker_options(symbolizer::DemangleStyle demangle) {
  symbolizer::WorkerOptions options;
  options.demangle = demangle;
  options.deadline = 60s; // nobody else waits for it
  return options;
}

} // namespace

ProfileSymbolizer::ProfileSymbolizer(symbolizer::DemangleStyle demangle,
                                     const std::vector<std::string>& debug_folders,
                                     std::optional<IndexCache> indexes, Debuginfod* servers)
    : client_(worker_options(demangle)), search_(client_, debug_folders, servers),
      indexes_(std::move(indexes)),
      builder_(builder_for(indexes_, {.worker = worker_options(demangle), .background = false})),
      names_(client_, debug_folders, indexes_ ? &*indexes_ : nullptr, builder_.get(), servers) {}

void ProfileSymbolizer::finish() {
  if (builder_ != nullptr)
    builder_->finish(kIndexesAtMost);
}

void SymbolizedProfile::add_missing(const std::string& file, const std::string& why) {
  const auto same = [&](const Missing& known) { return known.file == file && known.why == why; };
  if (std::ranges::none_of(missing, same))
    missing.push_back({.file = file, .why = why});
}

SymbolizedProfile ProfileSymbolizer::symbolize(proto::Profile& profile) {
  SymbolizedProfile outcome;
  ProfileNaming naming(profile);
  for (const NamelessMapping& nameless : nameless_mappings(profile))
    if (of_file(profile, profile.mapping(nameless.mapping)))
      name_mapping(profile, nameless, naming, outcome);
  naming.finish();
  return outcome;
}

ProfileSymbolizer::Source& ProfileSymbolizer::source_of(const WantedExecutable& wanted) {
  std::string key = wanted.path + '\n' + wanted.build_id;
  if (wanted.build_id.empty())
    key += '\n' + std::to_string(wanted.taken);
  const auto known = sources_.find(key);
  if (known != sources_.end())
    return known->second;
  return sources_.emplace(std::move(key), Source{.found = search_.find(wanted), .names = {}})
      .first->second;
}

void ProfileSymbolizer::ask(Source& source, std::vector<FileOffset> offsets) {
  std::erase_if(offsets,
                [&](FileOffset offset) { return source.names.addresses.contains(offset.value); });
  std::ranges::sort(offsets);
  const auto doubles = std::ranges::unique(offsets);
  offsets.erase(doubles.begin(), doubles.end());
  for (std::span<const FileOffset> left = offsets; !left.empty();) {
    const auto part = left.first(std::min(left.size(), NameSource::kOffsetsPerRequest));
    left = left.subspan(part.size());
    const auto answer = names_.ask(source.found->file, part);
    if (!answer.failure.empty())
      source.names.failure = answer.failure;
    if (answer.answered)
      source.names.add(part, answer);
  }
}

void ProfileSymbolizer::name_mapping(const proto::Profile& profile, const NamelessMapping& nameless,
                                     ProfileNaming& naming, SymbolizedProfile& outcome) {
  const proto::Mapping& mapping = profile.mapping(nameless.mapping);
  const WantedExecutable wanted = wanted_by(profile, mapping);
  outcome.nameless += nameless.locations.size();
  Source& source = source_of(wanted);
  if (!source.found)
    return outcome.add_missing(wanted.path, source.found.error().why);
  std::map<int, FileOffset> positions; // by location
  std::vector<FileOffset> asked;
  for (const int location : nameless.locations) {
    const auto position = source.found->position(mapping, profile.location(location).address());
    if (!position)
      continue;
    positions.emplace(location, *position);
    asked.push_back(*position);
  }
  if (asked.empty())
    return outcome.add_missing(wanted.path, source.found->file.described.path +
                                                " is debug information alone, which does not say "
                                                "what stood at these addresses");
  ask(source, std::move(asked));
  for (const auto& [location, position] : positions)
    if (const auto found = source.names.addresses.find(position.value);
        found != source.names.addresses.end())
      name_location(location, wanted.path, source.names, found->second, naming, outcome);
  if (!source.names.failure.empty())
    outcome.add_missing(wanted.path, source.names.failure);
}

// What has no symbol says where it is, as after a recording.
void ProfileSymbolizer::name_location(int location, std::string_view path, const FileNames& names,
                                      const NamedAddress& address, ProfileNaming& naming,
                                      SymbolizedProfile& outcome) {
  const bool symbol = !address.frames.empty();
  std::vector<LineInfo> lines;
  if (symbol)
    lines = lines_of(names, address, naming);
  else
    lines.push_back(
        {.function = naming.add_function({.name = unsymbolized_name(path, address.address.value),
                                          .system_name = {},
                                          .file = {}})});
  naming.set_lines(location, lines, symbol);
  ++outcome.changed;
  outcome.named += symbol ? 1 : 0;
}

} // namespace pprofd
