// What `pprofd report` prints: tables, trees and folded stacks of anybody's pprof files.
//
// Numbers are those of `go tool pprof` on the same files: a function is known by its name; flat
// counts the samples whose innermost frame it is (inlined frames are frames), cum those in which it
// stands anywhere, once however often it recurses; percentages are of all samples, also where
// --focus leaves out some; drop_frames and keep_frames of a profile are honoured.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "symbolizer/base/result.h"

namespace pprofd {

enum class ReportView {
  kTop,    // the hottest functions
  kTree,   // each with its callers above it and its callees below it
  kFolded, // one line a stack, root first, for flamegraph.pl and its kin
};

struct ReportOptions {
  std::vector<std::string> files; // merged; "-" is standard input
  ReportView view = ReportView::kTop;
  std::string diff_base;   // --diff: show what changed since this profile (with kTop)
  size_t top = 20;         // --top: functions shown by kTop and kTree; 0 is all
  std::string focus;       // --focus: only samples with a frame that matches (RE2 syntax) …
  std::string ignore;      // --ignore: … and without one that matches this
  std::string sample_type; // --sample: a type's name or index; empty is the profile's default
  bool long_names = false; // --long: with parameters and template arguments
};

// Prints the report. Errors: a file that can't be read or is no profile, files that don't go
// together, a wrong expression or sample type, --diff with another view.
Result<void> report(const ReportOptions& options, std::ostream& out);

} // namespace pprofd
