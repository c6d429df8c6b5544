// Attribute values: their sizes, and reading them.
// Source: DWARF 5, sections 7.4 and 7.5.5, 7.5.6.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer::dwarf {

// What the sizes of forms depend on.
struct UnitFormat {
  uint8_t version = 0;
  uint8_t address_size = 8; // 4 or 8
  uint8_t offset_size = 4;  // 4, or 8 in 64-bit DWARF
  auto operator<=>(const UnitFormat&) const = default;
};

// The bytes a value takes, where that depends on nothing but the form; nullopt: on the value, or
// the form is unknown.
std::optional<uint8_t> fixed_size(uint16_t form, const UnitFormat& format);

// A value as it stands: a number, an offset, an index, for DW_FORM_string the position of its text
// from the cursor's start, for blocks nothing.
struct FormValue {
  uint16_t form = 0; // behind DW_FORM_indirect; 0: unknown, the cursor has failed
  uint64_t raw = 0;
};

// Reads the value the cursor stands at and moves behind it. An unknown form fails the cursor.
// DW_FORM_implicit_const has no bytes: its value is the caller's, from the abbreviation.
FormValue read_form(Cursor& cursor, uint16_t form, const UnitFormat& format);

// Little-endian, of at most 8 bytes.
inline uint64_t read_number(Cursor& cursor, unsigned size) {
  switch (size) {
  case 1:
    return cursor.u8();
  case 2:
    return cursor.read<uint16_t>();
  case 4:
    return cursor.read<uint32_t>();
  case 8:
    return cursor.read<uint64_t>();
  default: {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i)
      value |= uint64_t{cursor.u8()} << (8 * i);
    return value;
  }
  }
}

} // namespace pprofd::symbolizer::dwarf
