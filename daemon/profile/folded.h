// A profile as folded stacks, what flamegraph.pl, speedscope and inferno read: one line a stack,
// "root;caller;leaf 42", root first, equal stacks added up, in the order of their text.
#pragma once

#include <iosfwd>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

// Samples of a profile of several processes (those with a `comm` label) begin with their process:
// "nginx;main;…". ';' in a name becomes ':', line breaks become spaces; stacks that come to 0 are
// left out. The profile hangs together (check_consistent).
void write_folded(const perftools::profiles::Profile& profile, int value_index, std::ostream& out);

} // namespace pprofd
