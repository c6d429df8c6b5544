// Rows from the worker, in the form the kernel's tables want.
#pragma once

#include "daemon/unwind/table_service.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// Blocks while the worker compiles. Rows of code that is not in the file's first 4 GiB are left
// out; no rows at all is an answer, not a failure. Fails where the worker does, or where the file
// is not the one expected.
Result<CompiledRows> compile_rows(symbolizer::WorkerClient& worker, const TableService::File& file);

} // namespace pprofd
