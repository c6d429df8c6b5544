#include "daemon/ship/backends/objects.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "daemon/profile/profile_builder.h"
#include "daemon/profile/rows/compression.h"
#include "daemon/profile/rows/rows.h"
#include "daemon/profile/table/function_graph.h"
#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"

namespace pprofd::ship {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

using Batch = std::vector<const serve::WindowProfile*>;

std::string label_of(const serve::WindowProfile& profile, const char* name) {
  const auto found = profile.labels().find(name);
  return found == profile.labels().end() ? std::string() : found->second;
}

std::string folder_of(const serve::WindowProfile& profile) {
  const std::string host = label_of(profile, "host");
  return fmt::format("date={0:%Y-%m-%d}/hour={0:%H}/host={1}",
                     fmt::gmtime(static_cast<std::time_t>(profile.time_nanos() / kSecond)),
                     host.empty() ? "unknown" : percent_encoded(host));
}

RowFacts facts_of_window(const serve::ShipTarget& target, const serve::WindowProfile& profile) {
  RowFacts facts{.time_nanos = profile.time_nanos(),
                 .duration_nanos = profile.duration_nanos(),
                 .host = label_of(profile, "host"),
                 .service = profile.service(),
                 .version = label_of(profile, "version"),
                 .build_id = label_of(profile, "build_id"),
                 .comm = label_of(profile, "comm"),
                 .labels = labels_for(target, profile)};
  const std::string pid = label_of(profile, "pid");
  std::from_chars(pid.data(), pid.data() + pid.size(), facts.pid);
  std::erase_if(facts.labels, [](const auto& label) { return is_row_column(label.first); });
  return facts;
}

Result<void> add_rows(const serve::ShipTarget& target, const serve::WindowProfile& profile,
                      RowWriter& writer) {
  const auto parsed = parse_profile(profile.profile());
  if (!parsed)
    return std::unexpected(parsed.error());
  const auto value = find_sample_type(*parsed, "");
  if (!value)
    return std::unexpected(value.error());
  return writer.add(*parsed, *value, facts_of_window(target, profile));
}

Compression compression_for(const serve::ShipTarget& target) {
  if (!target.compress())
    return Compression::kNone;
  return target.zstd() ? Compression::kZstd : Compression::kGzip;
}

// Empty where no profile has samples.
Result<std::string> rows_of(const serve::ShipTarget& target, const Batch& batch) {
  std::string bytes;
  RowWriter writer([&](std::string_view lines) -> Result<void> {
    const auto part = compressed(lines, compression_for(target));
    if (!part)
      return std::unexpected(part.error());
    bytes += *part;
    return {};
  });
  for (const serve::WindowProfile* profile : batch)
    if (auto added = add_rows(target, *profile, writer); !added)
      return std::unexpected(added.error());
  if (auto finished = writer.finish(); !finished)
    return std::unexpected(finished.error());
  return writer.rows() == 0 ? std::string() : bytes;
}

// By folder, in the order of the profiles.
std::vector<std::pair<std::string, Batch>>
by_folder(std::span<const serve::WindowProfile> profiles) {
  std::vector<std::pair<std::string, Batch>> batches;
  for (const serve::WindowProfile& profile : profiles) {
    const std::string folder = folder_of(profile);
    auto batch = std::ranges::find(batches, folder, &std::pair<std::string, Batch>::first);
    if (batch == batches.end())
      batch = batches.insert(batch, {folder, {}});
    batch->second.push_back(&profile);
  }
  return batches;
}

Result<std::vector<Object>> row_objects(const serve::ShipTarget& target,
                                        std::span<const serve::WindowProfile> profiles) {
  std::vector<Object> objects;
  for (const auto& [folder, batch] : by_folder(profiles)) {
    auto bytes = rows_of(target, batch);
    if (!bytes)
      return std::unexpected(bytes.error());
    if (!bytes->empty())
      objects.push_back(
          {.name = fmt::format("{}/{}-{:016x}-{:016x}.jsonl{}", folder, batch.front()->time_nanos(),
                               batch.front()->id(), batch.back()->id(),
                               ending_of(compression_for(target))),
           .bytes = std::move(*bytes)});
  }
  return objects;
}

} // namespace

Result<std::vector<Object>> objects_of(const serve::ShipTarget& target,
                                       std::span<const serve::WindowProfile> profiles) {
  if (target.rows())
    return row_objects(target, profiles);
  std::vector<Object> objects;
  for (const serve::WindowProfile& profile : profiles) {
    auto bytes = profile_bytes(target, profile);
    if (!bytes)
      return std::unexpected(bytes.error());
    objects.push_back(
        {.name = fmt::format("{}/{}-{:016x}.{}", folder_of(profile), profile.time_nanos(),
                             profile.id(), target.compress() ? "pb.gz" : "pb"),
         .bytes = std::move(*bytes)});
  }
  return objects;
}

} // namespace pprofd::ship
