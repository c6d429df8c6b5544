// A jitdump: the binary file in which a JIT compiler tells what its code is, when it was made or
// moved, and where in the source it comes from. Code is replaced by other code at the same address:
// an address is looked up as of a time.
//
// The file grows while it is read: read() goes on behind the last whole record. Names and lines
// stay in the file. The file may be anybody's: what is malformed ends the reading, what one
// function's lines cost is bounded (kMostLines). One thread at a time.
// Source: tools/perf/Documentation/jitdump-specification.txt (Linux 6.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

class JitDump {
public:
  static constexpr size_t kMostFunctions = 500'000; // at one time; the rest is left out
  static constexpr size_t kMostReplaced = 100'000;  // of more, those so far are forgotten
  static constexpr size_t kMostName = 4096;         // bytes; the rest of a name is cut
  static constexpr uint64_t kMostLines = 1 << 20; // bytes of one function's; of more, none is read
  static constexpr uint64_t kNow = UINT64_MAX;

  struct Function {
    uint64_t start = 0; // process address
    std::string name;
    std::string file; // empty: unknown
    uint32_t line = 0;
  };

  // Takes in what has been added since the last call.
  void read(const ByteSource& source);

  // What was at `address` at a time (ns, CLOCK_MONOTONIC); where nothing was, what came there first
  // after it: a compiler may tell of its code late. A file with times of another clock is looked
  // up as of now. `source` must be the file that was read.
  [[nodiscard]] std::optional<Function> find(const ByteSource& source, uint64_t address,
                                             uint64_t time) const;

  [[nodiscard]] size_t size() const { return live_.size(); }
  [[nodiscard]] bool damaged() const { return damaged_; } // from some record on it is unreadable
  [[nodiscard]] bool full() const { return size() >= kMostFunctions; }
  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  struct Code {
    uint64_t end = 0;    // address behind it
    uint64_t time = 0;   // when it came there
    uint64_t made = 0;   // address that its lines are told of: where it was made
    uint64_t record = 0; // where its name is in the file
    uint64_t lines = 0;  // record of its lines; 0: it has none
  };
  using Found = std::pair<uint64_t, const Code*>; // with its start

  bool read_header(const ByteSource& source);
  bool take_record(const ByteSource& source);
  bool take_load(const ByteSource& source, uint64_t size);
  bool take_move(const ByteSource& source, uint64_t size);
  bool take_lines(const ByteSource& source, uint64_t size);
  void insert(uint64_t start, const Code& code);
  [[nodiscard]] std::optional<Found> code_at(uint64_t address, uint64_t time) const;
  void add_line(const ByteSource& source, const Found& code, uint64_t address,
                Function& function) const;

  std::map<uint64_t, Code> live_;          // by start, disjoint
  std::multimap<uint64_t, Code> replaced_; // by start
  uint64_t longest_replaced_ = 0;
  uint64_t consumed_ = 0;      // bytes of the file
  uint64_t lines_record_ = 0;  // that the next function's lines are in; 0: none
  uint64_t lines_address_ = 0; // of that function
  uint64_t lines_shift_ = 0;   // by which addresses of lines are too high
  bool timed_ = true;          // by CLOCK_MONOTONIC
  bool damaged_ = false;
};

} // namespace pprofd::symbolizer
