// What `pprofd symbolize` was asked to do, checked.
#pragma once

#include "daemon/cli/table/parser.h"
#include "daemon/symbolize/symbolize.h"
#include "daemon/symbolize/symbolize_files.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Whether addresses of an ELF file are asked for, with -e; else profiles are to be filled in.
bool asks_addresses(const Arguments& arguments);

// Arguments after the word "symbolize". An Error is wrong usage (exit status 2).
Result<SymbolizeOptions> make_symbolize_options(const Arguments& arguments);
Result<SymbolizeFilesOptions> make_symbolize_files_options(const Arguments& arguments);

} // namespace pprofd
