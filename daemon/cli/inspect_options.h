// What `pprofd inspect` was asked to do, checked.
#pragma once

#include "daemon/cli/table/parser.h"
#include "daemon/inspect/inspect.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Arguments after the word "inspect". An Error is wrong usage (exit status 2).
Result<InspectOptions> make_inspect_options(const Arguments& arguments);

} // namespace pprofd
