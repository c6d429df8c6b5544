// A tiny assembler of debug information, for tests. What it writes may be as wrong as a test wants.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "symbolizer/dwarf/sections.h"
#include "symbolizer/dwarf/units/constants.h"
#include "tests/unit/symbolizer/support/bytes.h"

namespace pprofd::symbolizer::dwarf::test {

using namespace pprofd::symbolizer::test; // NOLINT(google-build-using-namespace)

// The bytes of sections; sections() is valid until they change.
struct Assembly {
  Bytes info, abbrev, line, str, line_str, str_offsets, addr, ranges, rnglists, cu_index;

  [[nodiscard]] Sections sections() const {
    return {.info = view(info),
            .abbrev = view(abbrev),
            .line = view(line),
            .str = view(str),
            .line_str = view(line_str),
            .str_offsets = view(str_offsets),
            .addr = view(addr),
            .ranges = view(ranges),
            .rnglists = view(rnglists),
            .cu_index = view(cu_index)};
  }
};

using AttributeForms = std::vector<std::pair<uint64_t, uint64_t>>;

inline Bytes abbreviation(uint64_t code, uint64_t tag, bool children, const AttributeForms& forms) {
  Bytes bytes = uleb(code) + uleb(tag) + Bytes{static_cast<uint8_t>(children ? 1 : 0)};
  for (const auto& [attribute, form] : forms)
    bytes = bytes + uleb(attribute) + uleb(form);
  return bytes + Bytes{0, 0};
}

// `body` behind the length of a 32-bit or 64-bit unit.
inline Bytes with_length(const Bytes& body, bool dwarf64 = false) {
  if (dwarf64)
    return number<uint32_t>(0xffffffff) + number<uint64_t>(body.size()) + body;
  return number<uint32_t>(static_cast<uint32_t>(body.size())) + body;
}

// A compile unit's header and entries. Where entries begin: kHeader4 and kHeader5.
inline constexpr uint32_t kHeader4 = 11;
inline constexpr uint32_t kHeader5 = 12;
inline Bytes unit(uint16_t version, const Bytes& entries, uint32_t abbreviations = 0,
                  uint8_t type = DW_UT_compile) {
  Bytes body = number(version);
  if (version >= 5)
    body = body + Bytes{type, 8} + number(abbreviations);
  else
    body = body + number(abbreviations) + Bytes{8};
  return with_length(body + entries);
}

// A line program, with what its header may vary in.
struct LineAssembly {
  uint16_t version = 4;
  bool dwarf64 = false;
  uint8_t instruction_length = 1;
  uint8_t max_operations = 1;
  int8_t line_base = -5;
  uint8_t line_range = 14;
  Bytes operands = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1}; // of opcodes 1 to 12
  Bytes lists;                                           // folders and files
  Bytes program;

  [[nodiscard]] Bytes bytes() const {
    Bytes header{instruction_length};
    if (version >= 4)
      header.push_back(max_operations);
    header = header + Bytes{1, static_cast<uint8_t>(line_base), line_range,
                            static_cast<uint8_t>(operands.size() + 1)};
    header = header + operands + lists;
    Bytes body = number(version);
    if (version >= 5)
      body = body + Bytes{8, 0};
    body = body + (dwarf64 ? number<uint64_t>(header.size())
                           : number<uint32_t>(static_cast<uint32_t>(header.size())));
    return with_length(body + header + program, dwarf64);
  }
};

// Line number instructions.
namespace lns {
inline Bytes extended(uint8_t opcode, const Bytes& operands = {}) {
  return Bytes{0} + uleb(operands.size() + 1) + Bytes{opcode} + operands;
}
inline Bytes set_address(uint64_t address) {
  return extended(DW_LNE_set_address, number(address));
}
inline Bytes end_sequence() {
  return extended(DW_LNE_end_sequence);
}
inline Bytes copy() {
  return {DW_LNS_copy};
}
inline Bytes advance_pc(uint64_t operations) {
  return Bytes{DW_LNS_advance_pc} + uleb(operations);
}
inline Bytes advance_line(int64_t lines) {
  return Bytes{DW_LNS_advance_line} + sleb(lines);
}
inline Bytes set_file(uint64_t file) {
  return Bytes{DW_LNS_set_file} + uleb(file);
}
inline Bytes set_column(uint64_t column) {
  return Bytes{DW_LNS_set_column} + uleb(column);
}
} // namespace lns

} // namespace pprofd::symbolizer::dwarf::test
