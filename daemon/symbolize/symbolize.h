// `pprofd symbolize -e ELF`: answers addresses of one file as llvm-symbolizer prints them: for each
// the chain of inlined functions, innermost first, each with `file:line:column` on a line of its
// own, then an empty line. What is unknown is `??`, and `:0`.
//
// The file and its debug information, where that is kept apart, are parsed by the worker alone, in
// its sandbox, as while profiling. No privileges are needed.
//
// Where look-ups have taken a while, an index of the file is made in the end and kept in the cache
// folder: it answers the next time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/debuginfod/choice.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"
#include "symbolizer/base/text_sink.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

struct SymbolizeOptions {
  std::string file;
  std::vector<ElfAddress> addresses;      // empty: those of standard input, a line each
  std::vector<std::string> debug_folders; // absolute, searched as /usr/lib/debug is
  IndexCacheChoice indexes;
  DebuginfodChoice debuginfod;
  symbolizer::DemangleStyle demangle = symbolizer::DemangleStyle::kFull;
};

// Lines that have come, without their ends, at least one; empty: there are no more. Fails where
// none can be read.
using LineSource = std::function<Result<std::vector<std::string>>()>;

// Answers whatever `lines` brings before it asks for more, so that a program may wait for each
// answer. `warn` is told, before the first answer, what is wrong with debuginfod servers; it must
// not throw. Fails where the file can't be opened or is none that pprofd can use, at the first line
// that is no address, and with the sink's own failure. One thread; blocks.
Result<void> symbolize(const SymbolizeOptions& options, const LineSource& lines,
                       const TextSink& sink, const std::function<void(const Error&)>& warn);

// The lines of a descriptor as they come.
LineSource lines_of(int fd);

} // namespace pprofd
