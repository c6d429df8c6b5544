// What of a profile a report is about: samples chosen by expressions, frames that the profile
// itself wants left out.
//
// Expressions are RE2's: pprof's syntax (Go's), matched in time linear to the text and with bounded
// memory, which std::regex (recursive) and PCRE2 (backtracking) are not on hostile names.
#pragma once

#include <string>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

// Keeps the samples with a frame that matches `focus` (empty: any frame) and none that matches
// `ignore` (empty: none does). A frame matches by a function's name or file or by the executable.
// Errors: an expression that is none.
Result<void> filter_samples(perftools::profiles::Profile& profile, const std::string& focus,
                            const std::string& ignore);

// Cuts the frames at and below one that matches drop_frames and not keep_frames, as pprof does.
// A frame at the root is not cut. Wrong expressions of the profile cut nothing.
void apply_drop_frames(perftools::profiles::Profile& profile);

} // namespace pprofd
