// A report as a flame graph in one HTML file.
#pragma once

#include <iosfwd>

#include "daemon/report/report.h"

namespace pprofd {

// Of the options' files, in the file html_file: it appears whole or not at all. Each profile is
// taken by itself, so that what they say of incomplete stacks adds up. Errors: as report()'s; the
// file can't be written; the program was built without the page.
Result<void> report_html(const ReportOptions& options, std::ostream& out);

} // namespace pprofd
