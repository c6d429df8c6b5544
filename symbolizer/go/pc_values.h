// A number for each place of a function's code: its line, its file, its inlined call, how far the
// stack has grown.
//
// The file has pairs of LEB128 numbers: by how much the value differs from the one before (which
// began at -1; zigzag), and how many instructions it holds for. A difference of 0 ends them, but
// for the first.
// Source: golang.org/s/go12symtab; runtime/symtab.go (step).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/go/blocks.h"

namespace pprofd::symbolizer::go {

struct PcValue {
  uint64_t size = 0; // bytes of code
  int32_t value = 0;
};

// Reads a function's pairs. Ends at their end, where they can't be read, and after kMaxPairs.
class PcValueReader {
public:
  static constexpr uint32_t kMaxPairs = 1 << 19;

  // `offset` is in the file.
  PcValueReader(Blocks& blocks, uint64_t offset, uint32_t quantum)
      : blocks_(&blocks), offset_(offset), quantum_(quantum) {}

  bool next(PcValue& piece);
  [[nodiscard]] bool failed() const { return failed_; }

private:
  Blocks* blocks_;
  uint64_t offset_;
  uint32_t quantum_;
  uint32_t pairs_ = 0;
  uint32_t value_ = UINT32_MAX;
  bool failed_ = false;
};

// The numbers of one function, kept to be looked up.
class PcValues {
public:
  static constexpr int32_t kNone = -1;

  void clear() { steps_.clear(); }
  // Of a function of `size` bytes.
  void load(PcValueReader reader, uint64_t size);

  // At `offset` from the function's start.
  [[nodiscard]] int32_t at(uint64_t offset) const;

private:
  struct Step {
    uint32_t end = 0;
    int32_t value = 0;
  };
  std::vector<Step> steps_; // ascending
};

} // namespace pprofd::symbolizer::go
