#include "symbolizer/dwarf/units/unit_set.h"

#include <utility>

namespace pprofd::symbolizer::dwarf {
namespace {

constexpr size_t kMaxUnitBytes = 2 << 20; // some 2,000

} // namespace

UnitSet::UnitSet(uint32_t number, const Sections& sections, const Sections* supplementary,
                 size_t limit)
    : number_(number), sections_(&sections), supplementary_(supplementary),
      headers_(read_unit_headers(sections.info)), abbreviations_(sections.abbrev, limit),
      units_(kMaxUnitBytes) {}

std::shared_ptr<const Unit> UnitSet::get(const UnitHeader& header) {
  if (const auto* found = units_.find(header.offset); found != nullptr)
    return *found;
  Unit unit =
      read_unit(*sections_, header, abbreviations_.get(header.abbreviations, header.format));
  unit.supplementary = supplementary_;
  return units_.put(header.offset, std::make_shared<const Unit>(std::move(unit)), sizeof(Unit));
}

std::shared_ptr<const Unit> UnitSet::get_at(uint64_t offset) {
  const UnitHeader* const header = unit_at(headers_, offset);
  return header == nullptr ? nullptr : get(*header);
}

} // namespace pprofd::symbolizer::dwarf
