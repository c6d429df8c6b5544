// What one unit's addresses are looked up in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "symbolizer/dwarf/functions/scopes.h"
#include "symbolizer/dwarf/lines/file_names.h"
#include "symbolizer/dwarf/lines/table.h"
#include "symbolizer/dwarf/split.h"
#include "symbolizer/dwarf/units/unit.h"

namespace pprofd::symbolizer::dwarf {

struct UnitTables {
  uint32_t number = 0;              // among the file's units
  std::shared_ptr<const Unit> unit; // the one in the file itself
  std::unique_ptr<SplitUnit> split; // its other part; nullptr: none
  FileTable files;
  LineTable lines;
  ScopeTable scopes;

  [[nodiscard]] size_t memory() const {
    return sizeof *this + files.memory() + lines.memory() + scopes.memory() +
           (split == nullptr ? 0 : split->memory());
  }
};

} // namespace pprofd::symbolizer::dwarf
