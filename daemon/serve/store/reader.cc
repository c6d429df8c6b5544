#include "daemon/serve/store/reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "daemon/serve/store/index.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/read_bytes.h"

namespace pprofd::serve {
namespace {

// With more series than this, going through all profiles of the range by time is quicker.
constexpr size_t kFewSeries = 64;
constexpr uint64_t kLargestFile = uint64_t{256} << 20;

// Where a profile that overlaps the range can begin at the earliest.
TimeNanos search_from(const Selector& selector) {
  if (!selector.overlapping)
    return selector.from;
  return selector.from < INT64_MIN + kLongestSearched ? INT64_MIN
                                                      : selector.from - kLongestSearched;
}

bool in_range(const Selector& selector, const IndexRow& row) {
  if (row.time >= selector.to)
    return false;
  if (row.time >= selector.from)
    return true;
  return selector.overlapping && row.duration > selector.from - row.time;
}

IndexRow row_of(const Statement& statement) {
  return {.id = statement.natural(0),
          .time = statement.integer(1),
          .duration = statement.integer(2),
          .samples = statement.natural(3),
          .value = statement.natural(4),
          .bytes = statement.natural(5)};
}

} // namespace

ProfileName name_of(const StoredProfile& profile) {
  return {profile.time, profile.id, is_triggered(profile.labels)};
}

StoredProfile profile_of(const IndexRow& row, const Series& series) {
  return {.id = row.id,
          .type = series.type,
          .service = series.service,
          .labels = series.labels,
          .time = row.time,
          .duration = row.duration,
          .samples = row.samples,
          .value = row.value,
          .bytes = row.bytes};
}

Result<StoreReader> StoreReader::open(const std::string& path) {
  auto database = Database::open(path + "/" + kIndexFile, Access::kReadOnly);
  if (!database)
    return std::unexpected(database.error());
  return StoreReader(path, std::move(*database));
}

Result<StoreReader::SeriesMap> StoreReader::find_series(const Selector& selector) {
  std::string sql = "SELECT id, type, service, labels FROM series WHERE last >= ? AND first < ?";
  if (!selector.type.empty())
    sql += " AND type = ?";
  for (size_t i = 0; i < selector.labels.size(); i++)
    sql += " AND id IN (SELECT series FROM series_labels WHERE name = ? AND value = ?)";
  const bool only = selector.triggered == Triggered::kOnly;
  if (only || !is_triggered(selector.labels))
    sql += std::string(" AND id ") + (only ? "IN" : "NOT IN") +
           " (SELECT series FROM series_labels WHERE name = 'trigger')";
  auto statement = database_.prepare(sql);
  if (!statement)
    return std::unexpected(statement.error());
  int position = 1;
  statement->bind(position++, search_from(selector));
  statement->bind(position++, selector.to);
  if (!selector.type.empty())
    statement->bind(position++, std::string_view(selector.type));
  for (const auto& [name, value] : selector.labels) {
    statement->bind(position++, std::string_view(name));
    statement->bind(position++, std::string_view(value));
  }
  SeriesMap found;
  for (;;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return found;
    Series& series = found[statement->integer(0)];
    series.id = statement->integer(0);
    series.type = statement->text(1);
    series.service = statement->text(2);
    series.labels = decode_labels(statement->text(3));
  }
}

Result<void> StoreReader::by_series(const Selector& selector, const SeriesMap& series,
                                    const Each& each) {
  auto statement =
      database_.prepare("SELECT id, time, duration, samples, value, bytes FROM profiles "
                        "WHERE series = ? AND time >= ? AND time < ?");
  if (!statement)
    return std::unexpected(statement.error());
  std::vector<std::pair<IndexRow, const Series*>> rows;
  for (const auto& [id, one] : series) {
    statement->bind(1, id).bind(2, search_from(selector)).bind(3, selector.to);
    Result<bool> row = true;
    while ((row = statement->step()) && *row)
      if (const IndexRow found = row_of(*statement); in_range(selector, found))
        rows.emplace_back(found, &one);
    if (!row)
      return std::unexpected(row.error());
  }
  std::ranges::sort(rows, {},
                    [](const auto& row) { return std::tuple(row.first.time, row.first.id); });
  for (size_t i = 0; i < rows.size() && i < selector.limit; i++)
    if (auto ok = each(rows[i].first, *rows[i].second); !ok)
      return ok;
  return {};
}

Result<void> StoreReader::by_time(const Selector& selector, const SeriesMap& series,
                                  const Each& each) {
  auto statement =
      database_.prepare("SELECT id, time, duration, samples, value, bytes, series FROM profiles "
                        "WHERE time >= ? AND time < ? ORDER BY time, id");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, search_from(selector)).bind(2, selector.to);
  for (size_t count = 0; count < selector.limit;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return {};
    const auto found = series.find(statement->integer(6));
    const IndexRow one = row_of(*statement);
    if (found == series.end() || !in_range(selector, one))
      continue;
    count++;
    if (auto ok = each(one, found->second); !ok)
      return ok;
  }
  return {};
}

Result<void> StoreReader::for_each(const Selector& selector, const Each& each) {
  // Series and profiles are of the same commit.
  const auto transaction = ReadTransaction::begin(database_);
  if (!transaction)
    return std::unexpected(transaction.error());
  const auto series = find_series(selector);
  if (!series)
    return std::unexpected(series.error());
  return series->size() <= kFewSeries ? by_series(selector, *series, each)
                                      : by_time(selector, *series, each);
}

Result<std::vector<ProfileName>> StoreReader::names(const Selector& selector) {
  std::vector<ProfileName> found;
  auto done = for_each(selector, [&](const IndexRow& row, const Series& series) {
    found.push_back({row.time, row.id, is_triggered(series.labels)});
    return Result<void>();
  });
  if (!done)
    return std::unexpected(done.error());
  return found;
}

Result<StoredProfile> StoreReader::find(uint64_t id) {
  auto statement = database_.prepare(
      "SELECT p.id, p.time, p.duration, p.samples, p.value, p.bytes, s.type, s.service, s.labels "
      "FROM profiles p JOIN series s ON s.id = p.series WHERE p.id = ?");
  if (!statement)
    return std::unexpected(statement.error());
  const auto row = statement->bind(1, id).step();
  if (!row)
    return std::unexpected(row.error());
  if (!*row)
    return fail("profile " + id_text(id), "there is none of this id");
  const Series series{.id = 0,
                      .type = std::string(statement->text(6)),
                      .service = std::string(statement->text(7)),
                      .labels = decode_labels(statement->text(8))};
  return profile_of(row_of(*statement), series);
}

Result<std::string> StoreReader::read(const ProfileName& profile) const {
  const std::string path = path_ + "/" + file_path(profile);
  const std::string what = "read profile " + id_text(profile.id);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0)
    return fail_errno(what, errno);
  if (!S_ISREG(status.st_mode) || static_cast<uint64_t>(status.st_size) > kLargestFile)
    return fail(what, "it is no file of the store");
  auto bytes = read_bytes(file.get(), 0, static_cast<uint64_t>(status.st_size), what);
  if (bytes && bytes->size() < static_cast<uint64_t>(status.st_size))
    return fail(what, "it ends too early");
  return bytes;
}

Result<std::vector<std::string>> StoreReader::texts(Statement& statement) {
  std::vector<std::string> found;
  for (;;) {
    const auto row = statement.step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return found;
    found.emplace_back(statement.text(0));
  }
}

Result<std::vector<std::string>> StoreReader::services() {
  auto statement = database_.prepare("SELECT DISTINCT service FROM series ORDER BY service");
  return statement ? texts(*statement) : std::unexpected(statement.error());
}

Result<std::vector<std::string>> StoreReader::label_names() {
  auto statement = database_.prepare("SELECT DISTINCT name FROM series_labels ORDER BY name");
  return statement ? texts(*statement) : std::unexpected(statement.error());
}

Result<std::vector<std::string>> StoreReader::label_values(const std::string& name, TimeNanos from,
                                                           TimeNanos to, size_t limit) {
  auto statement = database_.prepare(
      "SELECT DISTINCT l.value FROM series_labels l JOIN series s ON s.id = l.series "
      "WHERE l.name = ? AND s.last >= ? AND s.first < ? ORDER BY l.value LIMIT ?");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, std::string_view(name)).bind(2, from).bind(3, to).bind(4, uint64_t{limit});
  return texts(*statement);
}

Result<void> StoreReader::metrics(TimeNanos from, TimeNanos to, const EachMetrics& each) {
  auto statement = database_.prepare(
      "SELECT time, data FROM metrics WHERE time >= ? AND time < ? ORDER BY time");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, from).bind(2, to);
  for (;;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return {};
    if (auto ok = each(statement->integer(0), statement->text(1)); !ok)
      return ok;
  }
}

Result<std::vector<StoredEvent>> StoreReader::events(TimeNanos from, TimeNanos to, size_t limit) {
  auto statement = database_.prepare("SELECT time, kind, text FROM events WHERE time >= ? AND "
                                     "time < ? ORDER BY time LIMIT ?");
  if (!statement)
    return std::unexpected(statement.error());
  statement->bind(1, from).bind(2, to).bind(3, uint64_t{limit});
  std::vector<StoredEvent> found;
  for (;;) {
    const auto row = statement->step();
    if (!row)
      return std::unexpected(row.error());
    if (!*row)
      return found;
    found.push_back({.time = statement->integer(0),
                     .kind = std::string(statement->text(1)),
                     .text = std::string(statement->text(2))});
  }
}

} // namespace pprofd::serve
