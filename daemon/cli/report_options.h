// What `pprofd report` was asked to do, checked.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/table/parser.h"
#include "daemon/report/report.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Arguments after the word "report". An Error is wrong usage (exit status 2).
Result<ReportOptions> parse_report_options(const std::vector<std::string>& arguments);
Result<ReportOptions> make_report_options(const Arguments& arguments);

} // namespace pprofd
