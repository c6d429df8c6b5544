// Each function between those that call it and those it calls, with what each call accounts for.
#pragma once

#include <iosfwd>

#include "daemon/profile/text.h"

namespace pprofd {

// The layout is that of `go tool pprof -tree`: callers above the function, callees below it, their
// shares of its total value; functions in the table's order.
void write_tree(const perftools::profiles::Profile& profile, const TextOptions& options,
                std::ostream& out);

} // namespace pprofd
