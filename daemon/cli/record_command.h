// The seam between the command line and the recording: main calls it, daemon/record defines it.
#pragma once

#include "daemon/cli/record_options.h"

namespace pprofd {

// Records, writes the profiles and the summary, reports its own errors on stderr. Returns the exit
// status of the program: 0, 1, or for a started command its own status (128 + signal; 125 where
// pprofd itself failed).
int run_record(const RecordOptions& options);

} // namespace pprofd
