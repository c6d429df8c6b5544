// The report of `pprofd inspect` as text. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "symbolizer/client/worker_client.h"

namespace pprofd {

// Where a file's lines and inlined functions come from.
struct LineFindings {
  std::string file; // that has the debug information; empty: the file itself
  symbolizer::NamesFault fault = symbolizer::NamesFault::kNone; // why lines are missing
  std::string failure;                                          // the same in a sentence
};

// What was found in a file. Plain data.
struct Findings {
  std::string file;
  uint64_t size = 0; // bytes
  symbolizer::SymbolFacts symbols;
  std::chrono::nanoseconds symbols_time{0}; // until the worker had answered
  LineFindings lines;
  std::chrono::nanoseconds lines_time{0};
  symbolizer::UnwindTableFacts rows; // as tables have them
  std::chrono::nanoseconds rows_time{0};
};

// Lines `name  value`, in paragraphs: the file, its symbols, its lines, its unwind rows and, where
// there is any, what could not be used. Text from the file has been cleaned by the client.
std::string findings_text(const Findings& findings);

} // namespace pprofd
