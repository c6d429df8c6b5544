// The rows of a line program that look-ups need, in address order: 16 bytes a row, without those
// that say the same as the one before, and without sequences outside code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "symbolizer/dwarf/lines/program.h"
#include "symbolizer/dwarf/units/code_map.h"

namespace pprofd::symbolizer::dwarf {

class LineTable {
public:
  struct Row {
    uint32_t address = 0; // from the sequence's start
    uint32_t file = 0;
    uint32_t line = 0;
    uint32_t column = 0;
  };
  // Rows of one contiguous stretch of code.
  struct Sequence {
    uint64_t start = 0;
    uint64_t end = 0;
    uint32_t first_row = 0;
    uint32_t rows = 0;
  };
  // No compiler writes more for a unit; what comes after is left out, see full().
  static constexpr size_t kMaxRows = 3 << 20;

  LineTable() = default;
  // `scratch` is for the rows until their number is known; its content is of no meaning, its
  // memory serves the next table. The program's files are complete afterwards.
  LineTable(LineProgram& program, CodeMap& code, std::vector<Row>& scratch);

  // The last row at or before `address` in its sequence, as llvm-symbolizer looks it up: of
  // sequences that overlap, the one that ends first. nullptr: none.
  [[nodiscard]] const Row* find(uint64_t address) const;

  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] const std::vector<Sequence>& sequences() const { return sequences_; } // by end
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] uint64_t decoded() const { return decoded_; } // rows the program has
  [[nodiscard]] size_t memory() const;                        // bytes held, about

private:
  std::vector<Sequence> sequences_;
  std::vector<Row> rows_;
  uint64_t decoded_ = 0;
  bool full_ = false;
};

} // namespace pprofd::symbolizer::dwarf
