// A session of `pprofd top`, on a terminal or in plain text. One thread, beside the collector's
// own.
#pragma once

#include "daemon/cli/top_options.h"
#include "symbolizer/base/result.h"

namespace pprofd::top {

// Until the user quits, a signal ends it or so many refreshes have been shown. `utf8`: the terminal
// takes it. The terminal is left as it was, errors or not.
Result<void> run_on_terminal(const TopOptions& options, bool utf8);

// Until a signal ends it, all processes named by pid have ended or so many refreshes have been
// printed.
Result<void> run_in_batch(const TopOptions& options);

} // namespace pprofd::top
