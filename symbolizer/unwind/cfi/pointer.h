// Encoded pointers, DW_EH_PE_*.
// Source: LSB 5.0 Core, 10.5.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer::cfi {

enum PointerEncoding : uint8_t {
  kAbsolute = 0x00, // eight bytes
  kUleb128 = 0x01,
  kUnsigned2 = 0x02,
  kUnsigned4 = 0x03,
  kUnsigned8 = 0x04,
  kSleb128 = 0x09,
  kSigned2 = 0x0a,
  kSigned4 = 0x0b,
  kSigned8 = 0x0c,
  kFormMask = 0x0f,
  kRelativeToPc = 0x10, // to the pointer's own address
  kRelativeToText = 0x20,
  kRelativeToData = 0x30,
  kRelativeToFunction = 0x40,
  kAligned = 0x50,
  kApplicationMask = 0x70,
  kIndirect = 0x80,
  kOmitted = 0xff,
};

// What relative pointers are relative to. In .eh_frame of 64-bit files text and data are 0, as
// libgcc has it.
struct PointerBase {
  uint64_t cursor_start = 0; // the address of the cursor's first byte
  uint64_t data = 0;
  uint64_t function = 0;
};

constexpr bool is_indirect(uint8_t encoding) {
  return encoding != kOmitted && (encoding & kIndirect) != 0;
}

std::optional<uint64_t> read_any_pointer(Cursor& cursor, uint8_t encoding, const PointerBase& base);

// The value; of an indirect pointer the address where it is kept. nullopt: omitted, unknown or
// truncated.
inline std::optional<uint64_t> read_pointer(Cursor& cursor, uint8_t encoding,
                                            const PointerBase& base) {
  // The two forms that nearly all FDEs have: their start, and their range.
  constexpr uint8_t kStart = kRelativeToPc | kSigned4;
  if ((encoding != kStart && encoding != kSigned4) || cursor.left() < sizeof(int32_t))
    return read_any_pointer(cursor, encoding, base);
  const uint64_t place = base.cursor_start + cursor.position();
  const auto value = static_cast<uint64_t>(int64_t{cursor.read<int32_t>()});
  return encoding == kStart ? place + value : value;
}

// Passes over a pointer whose value nobody needs; false where its size is unknown.
bool skip_pointer(Cursor& cursor, uint8_t encoding, const PointerBase& base);

} // namespace pprofd::symbolizer::cfi
