// The code of a unit cut into pieces, throughout each of which a look-up has the same answer.
#pragma once

#include <cstdint>
#include <functional>

#include "symbolizer/dwarf/functions/scopes.h"
#include "symbolizer/dwarf/lines/table.h"

namespace pprofd::symbolizer::dwarf {

struct CodePiece {
  uint64_t start = 0;
  uint64_t end = 0;
  const LineTable::Row* row = nullptr; // as LineTable::find() has it
  uint32_t scope = Scope::kNone;       // as ScopeTable::find()
};

// From `start` to before `end`, in order and without gaps.
void visit_pieces(const LineTable& lines, const ScopeTable& scopes, uint64_t start, uint64_t end,
                  const std::function<void(const CodePiece&)>& visitor);

} // namespace pprofd::symbolizer::dwarf
