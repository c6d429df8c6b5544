#include "daemon/serve/store/index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/serve/store/layout.h"

namespace pprofd::serve {
namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kMostKnownSeries = 20'000;
constexpr std::string_view kTriggeredSeries =
    "(SELECT series FROM series_labels WHERE name = 'trigger')";

// A commit is on the disk when it returns (synchronous = FULL): there is one a window.
constexpr const char* kSettings = R"(
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 4194304;
PRAGMA cache_size = -4096;
PRAGMA temp_store = MEMORY;
)";

constexpr const char* kSchema = R"(
CREATE TABLE series(
  id INTEGER PRIMARY KEY, type TEXT NOT NULL, service TEXT NOT NULL, labels BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, UNIQUE(labels, service, type));
CREATE TABLE series_labels(
  name TEXT NOT NULL, value TEXT NOT NULL, series INTEGER NOT NULL,
  PRIMARY KEY(name, value, series)) WITHOUT ROWID;
CREATE INDEX series_labels_of ON series_labels(series);
CREATE TABLE profiles(
  id INTEGER PRIMARY KEY, series INTEGER NOT NULL, time INTEGER NOT NULL,
  duration INTEGER NOT NULL, samples INTEGER NOT NULL, value INTEGER NOT NULL,
  bytes INTEGER NOT NULL);
CREATE INDEX profiles_by_time ON profiles(time);
CREATE INDEX profiles_by_series ON profiles(series, time);
CREATE TABLE metrics(time INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE events(time INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX events_by_time ON events(time);
PRAGMA user_version = 1;
)";

Result<void> set_up(Database& database, bool& damaged) {
  if (auto ok = database.execute(kSettings); !ok) {
    damaged = database.damaged();
    return ok;
  }
  auto version = database.number("PRAGMA user_version");
  auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!version || !tables) {
    damaged = database.damaged();
    return std::unexpected((!version ? version : tables).error());
  }
  if (*version == 0 && *tables == 0)
    return database.execute(("BEGIN;" + std::string(kSchema) + "COMMIT;").c_str());
  damaged = *version != kVersion;
  if (damaged)
    return fail("open the store's index", "it is of version " + std::to_string(*version) +
                                              ", and this is version " + std::to_string(kVersion));
  auto check = database.prepare("PRAGMA quick_check(1)");
  const auto row = check ? check->step() : std::unexpected(check.error());
  if (!row) { // it may be the disk or the memory
    damaged = database.damaged();
    return std::unexpected(row.error());
  }
  damaged = !*row || check->text(0) != "ok";
  if (damaged)
    return fail("open the store's index", "it is damaged");
  return {};
}

} // namespace

std::string encode_labels(const Labels& labels) {
  std::string bytes;
  for (const auto& [name, value] : labels)
    bytes.append(name).append(1, '\0').append(value).append(1, '\0');
  return bytes;
}

Labels decode_labels(std::string_view bytes) {
  Labels labels;
  while (!bytes.empty()) {
    const size_t name_end = bytes.find('\0');
    const size_t value_end = name_end == std::string_view::npos ? std::string_view::npos
                                                                : bytes.find('\0', name_end + 1);
    if (value_end == std::string_view::npos)
      break;
    labels.emplace(bytes.substr(0, name_end), bytes.substr(name_end + 1, value_end - name_end - 1));
    bytes.remove_prefix(value_end + 1);
  }
  return labels;
}

Result<IndexWriter> IndexWriter::open(const std::string& path, bool& damaged) {
  damaged = false;
  auto database = Database::open(path, Access::kReadWrite);
  if (!database)
    return std::unexpected(database.error());
  if (auto ok = set_up(*database, damaged); !ok)
    return std::unexpected(ok.error());
  IndexWriter writer(std::move(*database));
  if (auto ok = writer.prepare(); !ok) {
    damaged = writer.damaged();
    return std::unexpected(ok.error());
  }
  return writer;
}

Result<void> IndexWriter::prepare() {
  const std::array<std::pair<Statement*, std::string_view>, 8> statements{{
      {&find_series_, "SELECT id FROM series WHERE labels = ? AND service = ? AND type = ?"},
      {&add_series_,
       "INSERT INTO series(labels, service, type, first, last) VALUES(?1, ?2, ?3, ?4, ?4)"},
      {&add_label_, "INSERT OR IGNORE INTO series_labels(name, value, series) VALUES(?, ?, ?)"},
      {&touch_series_,
       "UPDATE series SET first = min(first, ?2), last = max(last, ?2) WHERE id = ?1"},
      {&add_profile_, "INSERT OR REPLACE INTO profiles(id, series, time, duration, samples, value, "
                      "bytes) VALUES(?, ?, ?, ?, ?, ?, ?)"},
      {&remove_profile_, "DELETE FROM profiles WHERE id = ?"},
      {&add_metrics_, "INSERT OR REPLACE INTO metrics(time, data) VALUES(?, ?)"},
      {&add_event_, "INSERT INTO events(time, kind, text) VALUES(?, ?, ?)"},
  }};
  for (const auto& [target, sql] : statements) {
    auto statement = database_.prepare(sql);
    if (!statement)
      return std::unexpected(statement.error());
    *target = std::move(*statement);
  }
  return {};
}

void IndexWriter::roll_back() {
  [[maybe_unused]] auto ignored = database_.execute("ROLLBACK");
  series_.clear(); // some may have been added within
}

Result<int64_t> IndexWriter::add_series(const StoredProfile& profile, std::string_view labels) {
  auto added = add_series_.bind_blob(1, labels)
                   .bind(2, std::string_view(profile.service))
                   .bind(3, std::string_view(profile.type))
                   .bind(4, profile.time)
                   .run();
  if (!added)
    return std::unexpected(added.error());
  const int64_t id = database_.last_id();
  Labels all = profile.labels;
  all[kServiceLabel] = profile.service;
  for (const auto& [name, value] : all)
    if (auto ok = add_label_.bind(1, std::string_view(name))
                      .bind(2, std::string_view(value))
                      .bind(3, id)
                      .run();
        !ok)
      return std::unexpected(ok.error());
  return id;
}

Result<int64_t> IndexWriter::series_of(const StoredProfile& profile) {
  const std::string labels = encode_labels(profile.labels);
  std::string key = labels;
  key.append(1, '\0').append(profile.service).append(1, '\0').append(profile.type);
  if (const auto known = series_.find(key); known != series_.end())
    return known->second;
  auto found = find_series_.bind_blob(1, labels)
                   .bind(2, std::string_view(profile.service))
                   .bind(3, std::string_view(profile.type))
                   .step();
  if (!found)
    return std::unexpected(found.error());
  Result<int64_t> id = *found ? find_series_.integer(0) : int64_t{0};
  find_series_.reset();
  if (!*found)
    id = add_series(profile, labels);
  if (series_.size() >= kMostKnownSeries)
    series_.clear();
  if (id)
    series_.emplace(std::move(key), *id);
  return id;
}

Result<void> IndexWriter::add(const StoredProfile& profile) {
  const auto series = series_of(profile);
  if (!series)
    return std::unexpected(series.error());
  if (auto ok = touch_series_.bind(1, *series).bind(2, profile.time).run(); !ok)
    return ok;
  const int64_t duration = std::clamp<int64_t>(profile.duration, 0, kLongestSearched);
  return add_profile_.bind(1, profile.id)
      .bind(2, *series)
      .bind(3, profile.time)
      .bind(4, duration)
      .bind(5, profile.samples)
      .bind(6, profile.value)
      .bind(7, profile.bytes)
      .run();
}

Result<void> IndexWriter::remove(uint64_t id) {
  return remove_profile_.bind(1, id).run();
}

Result<void> IndexWriter::add_metrics(TimeNanos time, std::string_view bytes) {
  return add_metrics_.bind(1, time).bind_blob(2, bytes).run();
}

Result<void> IndexWriter::add_event(const StoredEvent& event) {
  return add_event_.bind(1, event.time)
      .bind(2, std::string_view(event.kind))
      .bind(3, std::string_view(event.text))
      .run();
}

// Of the few that triggers took, by their series; of the others by time, passing over those.
Result<std::vector<StoredProfile>> IndexWriter::oldest(TimeNanos before, size_t limit,
                                                       bool triggered) {
  const std::string which =
      triggered ? "INDEXED BY profiles_by_series WHERE series IN " : "WHERE series NOT IN ";
  auto statement =
      database_.prepare("SELECT id, time, bytes FROM profiles " + which +
                        std::string(kTriggeredSeries) + " AND time < ? ORDER BY time, id LIMIT ?");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, before).bind(2, uint64_t{limit});
  std::vector<StoredProfile> found;
  for (;;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return found;
    StoredProfile& profile = found.emplace_back();
    profile.id = statement->natural(0);
    profile.time = statement->integer(1);
    profile.bytes = statement->natural(2);
  }
}

Result<std::vector<TimeNanos>> IndexWriter::hours() {
  auto statement = database_.prepare("SELECT DISTINCT time / ?1 * ?1 FROM profiles");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, kHour);
  std::vector<TimeNanos> found;
  for (;;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return found;
    found.push_back(statement->integer(0));
  }
}

Result<std::unordered_map<uint64_t, TimeNanos>> IndexWriter::between(TimeNanos from, TimeNanos to) {
  auto statement = database_.prepare("SELECT id, time FROM profiles WHERE time >= ? AND time < ?");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, from).bind(2, to);
  std::unordered_map<uint64_t, TimeNanos> found;
  for (;;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return found;
    found.emplace(statement->natural(0), statement->integer(1));
  }
}

Result<void> IndexWriter::remove_context(TimeNanos before) {
  for (const char* sql :
       {"DELETE FROM metrics WHERE time < ?", "DELETE FROM events WHERE time < ?"}) {
    auto statement = database_.prepare(sql);
    if (!statement)
      return std::unexpected(statement.error());
    if (auto ok = statement->bind(1, before).run(); !ok)
      return ok;
  }
  return {};
}

Result<TimeNanos> IndexWriter::oldest_context() {
  return database_.number("SELECT min(t) FROM (SELECT min(time) AS t FROM metrics UNION ALL "
                          "SELECT min(time) FROM events)");
}

Result<void> IndexWriter::tidy() {
  series_.clear();
  auto done = database_.execute(R"(
BEGIN IMMEDIATE;
CREATE TEMP TABLE unused AS SELECT id FROM series
  WHERE NOT EXISTS (SELECT 1 FROM profiles WHERE profiles.series = series.id);
DELETE FROM series_labels WHERE series IN (SELECT id FROM unused);
DELETE FROM series WHERE id IN (SELECT id FROM unused);
DROP TABLE unused;
COMMIT;
PRAGMA incremental_vacuum;
)");
  if (!done)
    roll_back();
  return done;
}

Result<StoreTotals> IndexWriter::totals() {
  auto statement = database_.prepare(
      "SELECT count(*), ifnull(sum(bytes), 0), ifnull(min(time), 0), ifnull(sum(triggered), 0), "
      "ifnull(sum(triggered * bytes), 0) FROM (SELECT bytes, time, series IN " +
      std::string(kTriggeredSeries) + " AS triggered FROM profiles)");
  if (!statement)
    return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row)
    return std::unexpected(row.error());
  return StoreTotals{.profiles = statement->natural(0),
                     .bytes = statement->natural(1),
                     .oldest = statement->integer(2),
                     .triggered_profiles = statement->natural(3),
                     .triggered_bytes = statement->natural(4)};
}

Result<uint64_t> IndexWriter::own_bytes() {
  auto used = database_.number("SELECT (SELECT * FROM pragma_page_count()) - (SELECT * FROM "
                               "pragma_freelist_count())");
  auto size = database_.number("PRAGMA page_size");
  if (!used || !size)
    return std::unexpected((!used ? used : size).error());
  return static_cast<uint64_t>(*used) * static_cast<uint64_t>(*size);
}

} // namespace pprofd::serve
