// `pprofd top`: the hottest functions, processes and threads, live.
#pragma once

#include "daemon/cli/top_options.h"

namespace pprofd {

// Reports its own errors on stderr. Returns the exit status of the program.
int run_top(const TopOptions& options);

} // namespace pprofd
