// Split debug information: the part of a unit that stands in a file of its own (.dwo), or with many
// others in a package (.dwp).
// Source: DWARF 5, sections 3.1.2, 3.1.3 and 7.3.5; the GNU extensions to DWARF 4.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "symbolizer/dwarf/sections.h"
#include "symbolizer/dwarf/units/unit.h"
#include "symbolizer/dwarf/units/unit_set.h"

namespace pprofd::symbolizer::dwarf {

// The sections of a file with split units; they are there as long as somebody holds this.
using SplitSections = std::shared_ptr<const Sections>;

// What a skeleton unit says of the file with the rest of it.
struct SplitReference {
  std::string_view folder; // DW_AT_comp_dir; `name` may be relative to it
  std::string_view name;
  uint64_t id = 0;
};

// nullopt: the unit is whole.
std::optional<SplitReference> split_reference(const Unit& skeleton);

// The part of a package that belongs to `id`; nullopt: it has none. Also of a package without an
// index, which is a plain .dwo: all of it.
std::optional<Sections> sections_of(const Sections& package, uint64_t id);

// A unit's other part, with the sections and units of its file.
struct SplitUnit {
  SplitSections file;
  Sections sections;              // of `file`, what belongs to the unit
  std::unique_ptr<UnitSet> units; // of `sections`
  std::shared_ptr<const Unit> unit;

  // nullptr: the file has no unit of that id. `number` as UnitSet has it.
  static std::unique_ptr<SplitUnit> find(SplitSections file, const Unit& skeleton, uint64_t id,
                                         uint32_t number);

  [[nodiscard]] size_t memory() const { return sizeof *this + units->memory(); } // without sections
};

} // namespace pprofd::symbolizer::dwarf
