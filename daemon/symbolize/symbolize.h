// `pprofd symbolize -e ELF`: answers addresses of one file as llvm-symbolizer prints them: for each
// the chain of inlined functions, innermost first, each with `file:line:column` on a line of its
// own, then an empty line. What is unknown is `??`, and `:0`.
//
// The file and its debug information, where that is kept apart, are parsed by the worker alone, in
// its sandbox, as while profiling. No privileges are needed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

struct SymbolizeOptions {
  std::string file;
  std::vector<ElfAddress> addresses; // empty: those of standard input, a line each
  symbolizer::DemangleStyle demangle = symbolizer::DemangleStyle::kFull;
};

// Hexadecimal, with or without 0x. Fails with what is wrong and what to do about it.
Result<ElfAddress> parse_address(std::string_view text);

// Lines that have come, without their ends; empty: there are no more. Fails where none can be read.
using LineSource = std::function<Result<std::vector<std::string>>()>;
// Takes all of a text, or fails; it is not called again then.
using SymbolizedSink = std::function<Result<void>(std::string_view)>;

// Answers whatever `lines` brings before it asks for more, so that a program may wait for each
// answer. Fails where the file can't be opened or is none that pprofd can use, at the first line
// that is no address, and with the sink's own failure. One thread; blocks.
Result<void> symbolize(const SymbolizeOptions& options, const LineSource& lines,
                       const SymbolizedSink& sink);

// The lines of a descriptor as they come.
LineSource lines_of(int fd);

} // namespace pprofd
