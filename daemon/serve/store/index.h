// The store's index: which profiles there are, and the metrics and events beside them. An SQLite
// file in WAL mode, so that it is read while it is written.
//
// Profiles of equal type, service and labels are a series; labels are kept once a series, and a
// selector finds series first and profiles by (series, time) or by time after that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/serve/store/record.h"
#include "daemon/serve/store/sqlite.h"

namespace pprofd::serve {

// Labels as the index has them: each name and each value ends with a zero byte, in the order of
// the names.
std::string encode_labels(const Labels& labels);
Labels decode_labels(std::string_view bytes);

// The writing side. One thread, one for each index file. Changes are between begin() and commit().
class IndexWriter {
public:
  // Creates the index where it is missing. Errors that say it is damaged, or of another version,
  // leave `damaged` true.
  static Result<IndexWriter> open(const std::string& path, bool& damaged);

  Result<void> begin() { return database_.execute("BEGIN IMMEDIATE"); }
  Result<void> commit() { return database_.execute("COMMIT"); }
  void roll_back();

  Result<void> add(const StoredProfile& profile);
  Result<void> remove(uint64_t id);
  Result<void> add_metrics(TimeNanos time, std::string_view bytes);
  Result<void> add_event(const StoredEvent& event);

  // The oldest profiles: those that begin before `before`, at most `limit`, of those that triggers
  // took or of the others. Labels are left out.
  Result<std::vector<StoredProfile>> oldest(TimeNanos before, size_t limit, bool triggered);
  // The hours that profiles begin in, by their own begins.
  Result<std::vector<TimeNanos>> hours();
  // Id and time of each profile that begins in [from, to).
  Result<std::unordered_map<uint64_t, TimeNanos>> between(TimeNanos from, TimeNanos to);
  // Metrics and events before `before`.
  Result<void> remove_context(TimeNanos before);
  Result<TimeNanos> oldest_context();
  // Forgets series without profiles, and gives free pages back to the file system.
  Result<void> tidy();

  // Of the files; the index itself.
  Result<StoreTotals> totals();
  Result<uint64_t> own_bytes();

  [[nodiscard]] bool damaged() const { return database_.damaged(); }

private:
  explicit IndexWriter(Database database) : database_(std::move(database)) {}
  Result<void> prepare();
  Result<int64_t> series_of(const StoredProfile& profile);
  Result<int64_t> add_series(const StoredProfile& profile, std::string_view labels);

  Database database_;
  Statement find_series_, add_series_, add_label_, touch_series_, add_profile_, remove_profile_,
      add_metrics_, add_event_;
  std::unordered_map<std::string, int64_t> series_; // known ones
};

} // namespace pprofd::serve
