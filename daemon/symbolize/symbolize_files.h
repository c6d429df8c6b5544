// `pprofd symbolize FILE…`: fills in the functions and lines of profiles that have none.
//
// Each file is written whole or not at all: in place, or where --output says. The profiles may be
// of any program.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/debuginfod/choice.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/text_sink.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

struct SymbolizeFilesOptions {
  std::vector<std::string> files; // "-": standard input, to standard output
  // "-": standard output; an existing folder or a name that ends in '/': there, under the same
  // names; else the name of the only one; empty: in place.
  std::string output;
  std::vector<std::string> debug_folders; // absolute
  IndexCacheChoice indexes;
  DebuginfodChoice debuginfod;
  symbolizer::DemangleStyle demangle = symbolizer::DemangleStyle::kFull;
};

// What is said while it goes on. Neither must throw.
struct SymbolizeNotices {
  std::function<void(const std::string&)> say; // a line
  std::function<void(const Error&)> warn;
};

// `data` is standard output. A file that fails is said and does not keep the others from being
// done; then, and where a profile has addresses and none of them got a name, this fails.
Result<void> symbolize_files(const SymbolizeFilesOptions& options, const TextSink& data,
                             const SymbolizeNotices& notices);

} // namespace pprofd
