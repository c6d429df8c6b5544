// What `pprofd export` was asked to do, checked.
#pragma once

#include "daemon/cli/table/parser.h"
#include "daemon/export/export.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// An Error is wrong usage (exit status 2).
Result<ExportOptions> make_export_options(const Arguments& arguments);

} // namespace pprofd
