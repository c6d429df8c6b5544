// Profiles as rows of a table, for engines that query many of them (ClickHouse, DuckDB, Athena):
// one JSON object (RFC 8259) a line, one line a sample. Every line has every column, in this order:
//
//   time      "2026-11-22 03:20:00.000000000", UTC: when the profile begins
//   duration  of the profile, nanoseconds
//   type      what the value is: "cpu"
//   unit      of the value: "nanoseconds"
//   host, service, version, build_id
//             whose profile it is; "": not known
//   pid       0: not known
//   comm
//   labels    {"name":"text"}: the profile's labels and the sample's
//   value
//   stack     ["leaf","caller","main"]: functions, the innermost inlined one first
//
// More columns may come, at the end. A profile is known by host, pid, time and type: what came
// twice has equal ones.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "daemon/profile/profile_builder.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/text_sink.h"

namespace pprofd {

// What all rows of a profile have in common.
struct RowFacts {
  int64_t time_nanos = 0; // since 1970
  int64_t duration_nanos = 0;
  std::string host, service, version, build_id;
  uint64_t pid = 0;
  std::string comm;
  std::map<std::string, std::string> labels; // no facts that are columns
};

// Whether a fact of this name is a column, and no label.
bool is_row_column(std::string_view name);

// Gives the sink whole lines, about four megabytes at a time: parts that are large enough to be
// compressed well. One thread. Memory: these, and the names of the profile that is added.
class RowWriter {
public:
  explicit RowWriter(TextSink sink) : sink_(std::move(sink)) {}

  // The samples of a profile that hangs together (check_consistent), but those whose value is 0.
  // Labels `pid` and `comm` of a sample are its columns. Errors: the sink's.
  Result<void> add(const perftools::profiles::Profile& profile, int value_index,
                   const RowFacts& facts);
  // Called once, last; where there are no rows the sink gets nothing, once. Errors: the sink's.
  Result<void> finish();

  [[nodiscard]] uint64_t rows() const { return rows_; }

private:
  TextSink sink_;
  std::string lines_; // not given to the sink yet
  uint64_t rows_ = 0;
};

} // namespace pprofd
