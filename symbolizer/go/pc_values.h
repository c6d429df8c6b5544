// A number for each place of a function's code: its line, its file, its inlined call, how far the
// stack has grown.
//
// The file has pairs of LEB128 numbers: by how much the value differs from the one before (which
// began at -1; zigzag), and how many instructions it holds for. A difference of 0 ends them, but
// for the first.
// Source: golang.org/s/go12symtab; runtime/symtab.go (step).
#pragma once

#include <cstdint>
#include <vector>

#include "symbolizer/elf/cursor.h"
#include "symbolizer/go/blocks.h"

namespace pprofd::symbolizer::go {

struct PcValue {
  uint64_t size = 0; // bytes of code
  int32_t value = 0;
};

// Reads a function's pairs, as far as is asked for at a time.
class PcValueReader {
public:
  static constexpr uint32_t kMaxPairs = 1 << 19;

  PcValueReader() = default;
  // `offset` is in the file.
  PcValueReader(uint64_t offset, uint32_t quantum) : offset_(offset), quantum_(quantum) {}

  // Calls `take` with the next pieces until it returns false, they end, can't be read, or were
  // kMaxPairs. `take` must not use the blocks.
  template <typename Take> void read(Blocks& blocks, const Take& take) {
    Cursor cursor;
    for (bool wanted = !ended_; wanted;) {
      if (cursor.left() < kMaxPairBytes)
        cursor = Cursor(blocks.at(offset_, kMaxPairBytes));
      const size_t before = cursor.position();
      PcValue piece;
      ended_ = !next(cursor, piece);
      offset_ += cursor.position() - before;
      wanted = !ended_ && take(piece);
    }
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool failed() const { return failed_; }

private:
  static constexpr size_t kMaxPairBytes = 20;

  // False at the end.
  bool next(Cursor& cursor, PcValue& piece) {
    const auto difference = static_cast<uint32_t>(cursor.uleb());
    if (pairs_ == kMaxPairs || (difference == 0 && pairs_ != 0))
      return false;
    piece.size = uint64_t{static_cast<uint32_t>(cursor.uleb())} * quantum_;
    ++pairs_;
    value_ += (difference >> 1) ^ (0U - (difference & 1));
    piece.value = static_cast<int32_t>(value_);
    failed_ = cursor.failed();
    return !failed_;
  }

  uint64_t offset_ = 0;
  uint32_t quantum_ = 1;
  uint32_t pairs_ = 0;
  uint32_t value_ = UINT32_MAX;
  bool ended_ = false;
  bool failed_ = false;
};

// The numbers of one function, kept to be looked up; read no further than is asked for.
class PcValues {
public:
  static constexpr int32_t kNone = -1;

  void clear() { size_ = 0; }
  // Of a function of `size` bytes.
  void start(const PcValueReader& reader, uint64_t size);

  // At `offset` from the function's start. `blocks` are those of the table.
  int32_t at(Blocks& blocks, uint64_t offset);

private:
  struct Step {
    uint32_t end = 0;
    int32_t value = 0;
  };
  PcValueReader reader_;
  uint32_t size_ = 0;
  uint32_t end_ = 0;        // read up to here
  std::vector<Step> steps_; // ascending
};

} // namespace pprofd::symbolizer::go
