// Units: their headers, and what a unit's first entry says of all others.
// Source: DWARF 5, sections 3.1, 7.5.1 and 7.26 (string offsets), 7.27 (addresses); DWARF 2-4 for
// the older headers; the GNU extensions for split DWARF 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf/sections.h"
#include "symbolizer/dwarf/units/abbreviation.h"
#include "symbolizer/dwarf/units/form.h"

namespace pprofd::symbolizer::dwarf {

struct UnitHeader {
  uint64_t offset = 0; // in .debug_info
  uint64_t end = 0;    // of the unit
  uint64_t abbreviations = 0;
  uint64_t split_id = 0;    // of skeleton and split units, version 5
  uint32_t first_entry = 0; // from `offset` on
  uint8_t type = 0;         // DW_UT_*, DW_UT_compile before version 5
  UnitFormat format{};

  [[nodiscard]] bool is_type() const;
};

// All of .debug_info, in order, up to where it is malformed. Units of unknown versions are left
// out, and all behind the 500,000th.
std::vector<UnitHeader> read_unit_headers(std::span<const std::byte> info);

// The one around an offset of .debug_info; nullptr: none.
const UnitHeader* unit_at(std::span<const UnitHeader> units, uint64_t offset);

// What values of a unit refer to.
struct UnitBases {
  std::optional<uint64_t> string_offsets;
  std::optional<uint64_t> addresses;
  std::optional<uint64_t> range_lists;
  uint64_t ranges = 0;       // added to offsets in .debug_ranges
  uint64_t base_address = 0; // of range lists
};

struct Unit {
  const Sections* sections = nullptr; // the unit's own file's
  // Where addresses are, and the range lists of split units before version 5: the sections of the
  // executable's debug information.
  const Sections* main_sections = nullptr;
  const Sections* supplementary = nullptr; // nullptr: none
  UnitHeader header;
  std::shared_ptr<const AbbreviationTable> abbreviations;
  Attributes root{};
  uint16_t tag = 0;      // of the root; 0: it could not be read
  uint64_t root_end = 0; // where the entries below it begin, in .debug_info
  bool children = false;
  UnitBases bases{};

  // Stands at `offset` of .debug_info, ends with the unit; positions are offsets of .debug_info.
  // At its end where the unit has no such entry.
  [[nodiscard]] Cursor entries_at(uint64_t offset) const;

  // The values behind the forms; nullopt: malformed, or of another class.
  [[nodiscard]] std::optional<std::string_view> text(const FormValue& value) const;
  [[nodiscard]] std::optional<uint64_t> address(const FormValue& value) const;
  // The address of that index.
  [[nodiscard]] std::optional<uint64_t> address_at(uint64_t index) const;

  [[nodiscard]] std::string_view text_of(Slot slot) const; // of the root; empty: none
  [[nodiscard]] std::optional<uint64_t> line_program() const;
  [[nodiscard]] std::string_view folder() const { return text_of(Slot::kFolder); }
};

// The unit with its first entry. `tag` is 0 where that could not be read.
Unit read_unit(const Sections& sections, const UnitHeader& header,
               std::shared_ptr<const AbbreviationTable> abbreviations);

// The same with the first entry's abbreviation alone: for who looks at nothing else.
Unit read_unit_root(const Sections& sections, const UnitHeader& header);

} // namespace pprofd::symbolizer::dwarf
