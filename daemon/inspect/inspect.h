// What `pprofd inspect` prints: what pprofd makes of one ELF file.
//
// The file is opened here and parsed by the worker alone, in its sandbox, as it is while profiling.
// Without options: a report of where symbols and unwind rows come from, how many there are, what
// they cost and what could not be used. With options: the rows, the symbols, or both with an empty
// line between, one a line, while they come.
//
// A row is `address cfa rbp ra` in readelf's words (symbolizer/unwind/print_rows.h), as the
// unwinder applies it, with pairs that its tables merge written as two, and `address none` where a
// gap begins, also a gap of padding between functions, over which the tables let the row before it
// hold on. A symbol is `address size source name`, address and size in hexadecimal.
#pragma once

#include <string>

#include "symbolizer/base/result.h"
#include "symbolizer/base/text_sink.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

struct InspectOptions {
  std::string file;
  bool rows = false;
  bool symbols = false;
};

// Options for the client: nobody else waits for this worker, so that large files get their time.
symbolizer::WorkerOptions inspection_worker();

// Fails where the file can't be opened or is none that pprofd can use, where rows or symbols that
// were asked for can't be had whole, and with the sink's own failure. One thread; blocks, at most
// for a few of the worker's deadlines. After a failure of the sink the worker is of no more use.
Result<void> inspect(const InspectOptions& options, symbolizer::WorkerClient& worker,
                     const TextSink& sink);

} // namespace pprofd
