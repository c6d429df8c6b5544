// The names of one file's addresses, as the worker gave them, each function once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// A function of one file.
struct NamedFunction {
  ElfAddress start;
  std::string name;
  std::string system_name;
  std::string file; // source file; empty: unknown
  uint32_t start_line = 0;
};

// One level of an address's inline chain.
struct NamedFrame {
  uint32_t function = 0; // index in FileNames::functions
  uint32_t line = 0;     // 0: unknown
  uint32_t column = 0;
};

struct NamedAddress {
  ElfAddress address;             // without frames its function's start, where that is known
  std::vector<NamedFrame> frames; // innermost first; empty: no symbol
};

// What is known of one file.
class FileNames {
public:
  std::string build_id;
  std::string failure; // why names are missing; empty when nothing went wrong
  symbolizer::NamesFault names_fault = symbolizer::NamesFault::kNone; // the same in a word
  symbolizer::NamesFault lines_fault = symbolizer::NamesFault::kNone; // why lines are missing
  std::vector<NamedFunction> functions;
  std::unordered_map<uint64_t, NamedAddress> addresses; // by what was asked for: file offsets

  // Takes in the answer for `offsets`. The first name that an address got stays: a perf map that
  // grew is asked again.
  void add(std::span<const FileOffset> offsets, const symbolizer::SymbolizedFile& answer);

private:
  void add(const symbolizer::SymbolizedAddress& from, NamedAddress& to);

  std::map<std::string, uint32_t> function_ids_; // by what tells it from others
};

} // namespace pprofd
