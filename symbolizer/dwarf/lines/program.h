// Line programs, versions 2 to 5: the header with its files, and the rows, one after the other.
// Source: DWARF 5, section 6.2; DWARF 2-4 for the older headers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "symbolizer/base/result.h"
#include "symbolizer/dwarf/lines/file_names.h"
#include "symbolizer/dwarf/sections.h"
#include "symbolizer/dwarf/units/constants.h"
#include "symbolizer/dwarf/units/form.h"

namespace pprofd::symbolizer::dwarf {

// A row of the matrix, as far as it is looked at.
struct LineRow {
  uint64_t address = 0;
  uint64_t file = 1;
  uint32_t line = 1;
  uint32_t column = 0;
  bool end_sequence = false;
};

class LineProgram {
public:
  // The program at `offset` of .debug_line. `address_size` is the unit's; version 5 has its own.
  // What of the file list is malformed is left out: rows without names are of use too.
  // Error::what stays empty.
  static Result<LineProgram> read(const Sections& sections, uint64_t offset, uint8_t address_size);

  // Files that the program itself defines are there after visit() only.
  [[nodiscard]] const FileTable& files() const { return files_; }
  [[nodiscard]] FileTable& files() { return files_; }

  // Gives every row to `visitor`, a bool(const LineRow&), until that returns false. Ends where the
  // program is malformed: rows before that were given.
  template <typename Visitor> void visit(Visitor&& visitor);

  [[nodiscard]] size_t program_size() const { return program_.size(); } // bytes, no less than rows

private:
  friend class LineHeaderReader;
  struct Advance {
    uint16_t operations = 0;
    int16_t line = 0;
  };

  void prepare();
  void advance(LineRow& row, uint64_t operations);
  // False: the program is malformed.
  template <typename Visitor> bool extended(Cursor& cursor, LineRow& row, bool& more, Visitor& to);
  bool standard(Cursor& cursor, LineRow& row, uint8_t opcode);
  bool set_address(Cursor& cursor, LineRow& row, uint64_t size);
  void define_file(Cursor& cursor);

  UnitFormat format_;
  uint8_t instruction_length_ = 1;
  uint8_t max_operations_ = 1; // an instruction: above 1 for VLIW
  int8_t line_base_ = 0;
  uint8_t line_range_ = 1;
  uint8_t opcode_base_ = 1;
  std::array<uint8_t, 256> operands_{}; // of standard opcodes
  std::array<Advance, 256> special_{};
  uint64_t operation_ = 0; // op_index
  std::span<const std::byte> program_;
  FileTable files_;
};

inline void LineProgram::advance(LineRow& row, uint64_t operations) {
  if (max_operations_ <= 1) {
    row.address += operations * instruction_length_;
    return;
  }
  operation_ += operations;
  row.address += operation_ / max_operations_ * instruction_length_;
  operation_ %= max_operations_;
}

template <typename Visitor> void LineProgram::visit(Visitor&& visitor) {
  prepare();
  Cursor cursor(program_);
  LineRow row;
  operation_ = 0;
  while (!cursor.at_end()) {
    const uint8_t opcode = cursor.u8();
    if (opcode >= opcode_base_) {
      const Advance step = special_[opcode];
      advance(row, step.operations);
      row.line += static_cast<uint32_t>(step.line);
      if (!visitor(std::as_const(row)))
        return;
      continue;
    }
    if (opcode == DW_LNS_copy) {
      if (!visitor(std::as_const(row)))
        return;
      continue;
    }
    bool more = true;
    const bool good =
        opcode == 0 ? extended(cursor, row, more, visitor) : standard(cursor, row, opcode);
    if (!good || !more || cursor.failed())
      return;
  }
}

template <typename Visitor>
bool LineProgram::extended(Cursor& cursor, LineRow& row, bool& more, Visitor& to) {
  const uint64_t size = cursor.uleb();
  if (cursor.failed() || size > cursor.left())
    return false;
  if (size == 0)
    return true;
  Cursor operands(cursor.bytes(size));
  switch (operands.u8()) {
  case DW_LNE_end_sequence:
    row.end_sequence = true;
    more = to(std::as_const(row));
    row = LineRow();
    operation_ = 0;
    return true;
  case DW_LNE_set_address:
    return set_address(operands, row, size - 1);
  case DW_LNE_define_file:
    define_file(operands);
    return true;
  default: // discriminators, and what others have added
    return true;
  }
}

} // namespace pprofd::symbolizer::dwarf
