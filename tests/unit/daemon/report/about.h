// Options of reports, for tests that set few of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/report/report.h"

namespace pprofd {

// What a report is about: its files, and whatever else `change` sets.
template <typename Change> ReportOptions about(std::vector<std::string> files, Change change) {
  ReportOptions options;
  options.files = std::move(files);
  change(options);
  return options;
}

inline ReportOptions about(std::vector<std::string> files) {
  return about(std::move(files), [](ReportOptions&) {});
}

} // namespace pprofd
