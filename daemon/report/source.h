// The source of functions, each line with what it accounts for: where the time goes within a
// function.
#pragma once

#include <iosfwd>
#include <string>

#include "daemon/profile/text.h"

namespace pprofd {

// For each function that matches `functions` (RE2's syntax), and each source file it stands in: its
// own value and its total one, then its lines from the function's start, or a little before the
// first sample, to a little behind the last one. A file that is not there, or is no regular file,
// is said to be so, and the lines with samples are listed without their text; one that was changed
// after the profile was taken is shown and said to be so. Text is shown without commands to the
// terminal.
//
// The profile hangs together (check_consistent). Errors: an expression that is none; no function
// matches.
Result<void> write_source(const perftools::profiles::Profile& profile, const TextOptions& options,
                          const std::string& functions, std::ostream& out);

} // namespace pprofd
