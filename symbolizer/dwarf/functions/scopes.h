// The functions of a unit and those inlined into them: for each address the innermost, for each its
// caller. Made by one walk over the unit's entries.
//
// Scopes nest: among those that begin at or before an address and have not ended, the one that
// began last is the innermost; of two that begin at one address, the one whose entry comes later.
// For entries that nest as they should that is the deepest; for others it is what llvm-symbolizer
// says, except where a function lies across the end of another.
//
// Call sites (DW_TAG_call_site) are no scopes, nor are blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "symbolizer/dwarf/units/code_map.h"
#include "symbolizer/dwarf/units/unit.h"

namespace pprofd::symbolizer::dwarf {

// A function, or an inlined one.
struct Scope {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t entry = 0;      // of its DIE, from the unit's start on
  uint32_t parent = kNone; // the scope it is inlined into; kNone: none, it is a function
  uint32_t call_file = 0;  // where it is inlined, in the unit's line program's numbers
  uint32_t call_line = 0;
  uint32_t call_column = 0;
};

// From an address on, up to the next piece's start, the innermost scope.
struct ScopePiece {
  uint32_t start = 0;            // from the first piece's address on
  uint32_t scope = Scope::kNone; // kNone: none
};

struct ScopeScratch;

class ScopeTable {
public:
  // No compiler puts more into a unit; the rest is left out, see full().
  static constexpr size_t kMaxScopes = 1 << 20;
  static constexpr size_t kMaxRanges = 3 << 19;

  ScopeTable() = default;
  // Whatever is malformed ends the walk, what was found before stays. `scratch` is memory that
  // serves the next table too.
  ScopeTable(const Unit& unit, CodeMap& code, ScopeScratch& scratch);

  // The number of the innermost scope at an address; Scope::kNone: none.
  [[nodiscard]] uint32_t find(uint64_t address) const;
  [[nodiscard]] const Scope& scope(uint32_t number) const { return scopes_[number]; }

  [[nodiscard]] uint64_t base() const { return base_; } // of the first piece
  [[nodiscard]] const std::vector<ScopePiece>& pieces() const { return pieces_; }
  [[nodiscard]] const std::vector<Scope>& scopes() const { return scopes_; }
  [[nodiscard]] uint64_t entries() const { return entries_; } // that were walked over
  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  friend class ScopeWalk;
  void cut_pieces(ScopeScratch& scratch);

  uint64_t base_ = 0;
  std::vector<ScopePiece> pieces_;
  std::vector<Scope> scopes_;
  uint64_t entries_ = 0;
  bool full_ = false;
};

// A range of addresses of a scope, before they are cut into pieces.
struct ScopeRange {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t scope = 0;
};

struct ScopeScratch {
  std::vector<ScopeRange> ranges;
  std::vector<Scope> scopes;
  std::vector<ScopePiece> pieces;
};

} // namespace pprofd::symbolizer::dwarf
