// A perf map: the text file in which a JIT compiler tells what its code is. One line a function,
// "START SIZE NAME", both numbers hexadecimal, in the order they were made: where entries overlap,
// the later one holds, for code is moved and thrown away.
//
// The file grows while it is read: read() goes on behind the last whole line. Names stay in the
// file. One thread at a time.
// Source: tools/perf/Documentation/jit-interface.txt (Linux 6.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

class PerfMap {
public:
  static constexpr size_t kMostFunctions = 1'000'000; // the rest is left out
  static constexpr size_t kMostName = 4096;           // bytes; the rest of a name is cut

  struct Function {
    uint64_t start = 0; // process address
    std::string name;
  };

  // Takes in what has been added since the last call.
  void read(const ByteSource& source);

  // `source` must be the file that was read.
  [[nodiscard]] std::optional<Function> find(const ByteSource& source, uint64_t address) const;

  [[nodiscard]] size_t size() const { return functions_.size(); }
  [[nodiscard]] uint64_t malformed() const { return malformed_; } // lines left out
  [[nodiscard]] bool full() const { return functions_.size() >= kMostFunctions; }
  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  struct Place {
    uint64_t end = 0;         // address behind it
    uint64_t name_offset = 0; // in the file
    uint32_t name_size = 0;
  };

  void take_line(std::string_view line, uint64_t offset);
  void insert(uint64_t start, const Place& place);

  std::map<uint64_t, Place> functions_; // by start, disjoint
  uint64_t consumed_ = 0;               // bytes of the file
  uint64_t malformed_ = 0;
};

} // namespace pprofd::symbolizer
