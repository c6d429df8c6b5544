// What a function is called, and where its declaration begins: from its own entry, or from those it
// refers to (DW_AT_abstract_origin, DW_AT_specification), also in other units and in the file that
// dwz has put aside.
// Source: DWARF 5, sections 2.15, 3.3.8 and 7.5.4 (references).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbolizer/base/lru_cache.h"
#include "symbolizer/dwarf/units/unit_set.h"

namespace pprofd::symbolizer::dwarf {

struct FunctionName {
  std::string_view linkage; // as the linker knows it; empty: none
  std::string_view plain;   // DW_AT_name; empty: none, or not looked for
  uint32_t start_line = 0;  // of its declaration; 0: unknown

  [[nodiscard]] std::string_view best() const { return linkage.empty() ? plain : linkage; }
};

// Texts are views of the sections. One thread.
class FunctionNames {
public:
  // `supplementary`: the units of the file that dwz has put aside; nullptr: none.
  FunctionNames(UnitSet* supplementary, size_t limit)
      : supplementary_(supplementary), names_(limit) {}

  // Of the entry at `position` of .debug_info, in `unit`, which is one of `units`.
  FunctionName find(UnitSet& units, const Unit& unit, uint64_t position);

  // For when sections are about to go.
  void forget() { names_.clear(); }
  [[nodiscard]] size_t memory() const { return names_.bytes(); }

private:
  struct Place {
    UnitSet* units = nullptr;
    uint64_t position = 0;
  };
  struct Key {
    uint32_t units = 0; // the set's number: its place in memory may become another one's
    uint64_t position = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<uint64_t>()(key.position ^ uint64_t{key.units} << 40);
    }
  };

  // Adds what the entry itself says; returns the entry it refers to, units nullptr: none.
  Place read(UnitSet& units, const Unit& unit, uint64_t position, FunctionName& name) const;
  [[nodiscard]] Place target_of(UnitSet& units, const Unit& unit, const FormValue& value) const;
  FunctionName follow(Place place);

  UnitSet* supplementary_;
  LruCache<Key, FunctionName, KeyHash> names_; // of entries that others refer to
};

} // namespace pprofd::symbolizer::dwarf
