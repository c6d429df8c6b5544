// What `pprofd symbolize` was asked to do, checked.
#pragma once

#include "daemon/cli/table/parser.h"
#include "daemon/symbolize/symbolize.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Arguments after the word "symbolize". An Error is wrong usage (exit status 2).
Result<SymbolizeOptions> make_symbolize_options(const Arguments& arguments);

} // namespace pprofd
