// All units of one file, and those that were used last with their abbreviations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "symbolizer/base/lru_cache.h"
#include "symbolizer/dwarf/sections.h"
#include "symbolizer/dwarf/units/abbreviation.h"
#include "symbolizer/dwarf/units/unit.h"

namespace pprofd::symbolizer::dwarf {

// One thread.
class UnitSet {
public:
  // `number` tells it from the other sets of one look-up, also from those of the past.
  // `supplementary`: of the file a dwz'ed one refers to; nullptr: none. Both must outlive this.
  // `limit`: bytes that abbreviations may take.
  UnitSet(uint32_t number, const Sections& sections, const Sections* supplementary, size_t limit);

  [[nodiscard]] uint32_t number() const { return number_; }
  [[nodiscard]] const Sections& sections() const { return *sections_; }
  [[nodiscard]] const std::vector<UnitHeader>& headers() const { return headers_; }

  // Its `tag` is 0 where it could not be read.
  std::shared_ptr<const Unit> get(const UnitHeader& header);
  // The unit around an offset of .debug_info; nullptr: none.
  std::shared_ptr<const Unit> get_at(uint64_t offset);

  [[nodiscard]] size_t memory() const {
    return headers_.capacity() * sizeof(UnitHeader) + abbreviations_.memory() + units_.bytes();
  }

private:
  uint32_t number_;
  const Sections* sections_;
  const Sections* supplementary_;
  std::vector<UnitHeader> headers_;
  AbbreviationCache abbreviations_;
  LruCache<uint64_t, std::shared_ptr<const Unit>> units_; // by offset
};

} // namespace pprofd::symbolizer::dwarf
