// The store's reading side: a connection of its own, which sees the last commit and never waits for
// the writer. One thread each. A profile may be deleted between its being listed and being read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/serve/store/layout.h"
#include "daemon/serve/store/record.h"
#include "daemon/serve/store/sqlite.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

// What the profiles of a series have in common.
struct Series {
  int64_t id = 0;
  std::string type;
  std::string service;
  Labels labels;
};

// One profile of the index.
struct IndexRow {
  uint64_t id = 0;
  TimeNanos time = 0;
  int64_t duration = 0;
  uint64_t samples = 0;
  uint64_t value = 0;
  uint64_t bytes = 0;
};

class StoreReader {
public:
  // `path`: the store's folder, which a StoreWriter has opened.
  static Result<StoreReader> open(const std::string& path);

  // Calls `each` for the profiles that the selector means, oldest first; its Error ends it.
  using Each = std::function<Result<void>(const IndexRow& row, const Series& series)>;
  Result<void> for_each(const Selector& selector, const Each& each);
  // Of the same, in the same order, what read() takes: a few bytes each.
  Result<std::vector<ProfileName>> names(const Selector& selector);
  // By id; an Error where there is none.
  Result<StoredProfile> find(uint64_t id);

  // The file's bytes: gzip. Errors: it is not there (any more), it cannot be read.
  Result<std::string> read(const ProfileName& profile) const;

  Result<std::vector<std::string>> services();
  Result<std::vector<std::string>> label_names();
  // Of profiles in the range, in order, at most `limit`.
  Result<std::vector<std::string>> label_values(const std::string& name, TimeNanos from,
                                                TimeNanos to, size_t limit);

  // `each` gets what add_metrics was given, oldest first; its Error ends it.
  using EachMetrics = std::function<Result<void>(TimeNanos time, std::string_view bytes)>;
  Result<void> metrics(TimeNanos from, TimeNanos to, const EachMetrics& each);
  Result<std::vector<StoredEvent>> events(TimeNanos from, TimeNanos to, size_t limit);

private:
  StoreReader(std::string path, Database database)
      : path_(std::move(path)), database_(std::move(database)) {}

  using SeriesMap = std::unordered_map<int64_t, Series>;
  Result<SeriesMap> find_series(const Selector& selector);
  Result<void> by_series(const Selector& selector, const SeriesMap& series, const Each& each);
  Result<void> by_time(const Selector& selector, const SeriesMap& series, const Each& each);
  Result<std::vector<std::string>> texts(Statement& statement);

  std::string path_;
  Database database_;
};

// Where a profile's file is.
ProfileName name_of(const StoredProfile& profile);

// The profile that a row and its series make up.
StoredProfile profile_of(const IndexRow& row, const Series& series);

} // namespace pprofd::serve
