// What `pprofd report` prints: tables, trees, folded stacks and annotated source of anybody's pprof
// files.
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
  kSource, // the source of functions, with what each line accounts for
  kHtml,   // a flame graph, or with diff_base one of both sides, in one file
};

struct ReportOptions {
  std::vector<std::string> files; // merged; "-" is standard input
  ReportView view = ReportView::kTop;
  bool lines = false;      // --lines: kTop and kTree by lines instead of functions
  std::string source;      // of kSource: functions that match (RE2 syntax)
  std::string diff_base;   // --diff: show what changed since this profile (with kTop, kHtml)
  std::string html_file;   // --html: kHtml goes there; "-" is to where the others are printed
  size_t top = 20;         // --top: functions shown by kTop and kTree; 0 is all
  std::string focus;       // --focus: only samples with a frame that matches (RE2 syntax) …
  std::string ignore;      // --ignore: … and without one that matches this
  std::string sample_type; // --sample: a type's name or index; empty is the profile's default
  bool long_names = false; // --long: with parameters and template arguments
};

// Prints the report. Errors: a file that can't be read or is no profile, files that don't go
// together, a wrong expression or sample type, --diff with another view, no function for
// kSource.
Result<void> report(const ReportOptions& options, std::ostream& out);

} // namespace pprofd
