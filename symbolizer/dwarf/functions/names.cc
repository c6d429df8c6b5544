#include "symbolizer/dwarf/functions/names.h"

#include <algorithm>

#include "symbolizer/dwarf/units/constants.h"

namespace pprofd::symbolizer::dwarf {
namespace {

// Compilers need three: the inlined instance, its abstract one, the declaration. References may
// also go in circles.
constexpr int kMaxHops = 16;

void add_missing(FunctionName& name, const FunctionName& more) {
  if (name.linkage.empty())
    name.linkage = more.linkage;
  if (name.plain.empty())
    name.plain = more.plain;
  if (name.start_line == 0)
    name.start_line = more.start_line;
}

bool is_complete(const FunctionName& name) {
  return !name.linkage.empty() && name.start_line != 0;
}

FunctionName name_in(const Unit& unit, const Attributes& attributes) {
  FunctionName name;
  if (const FormValue* const value = attributes.find(Slot::kLinkageName); value != nullptr)
    name.linkage = unit.text(*value).value_or("");
  if (const FormValue* const value = attributes.find(Slot::kName);
      value != nullptr && name.linkage.empty())
    name.plain = unit.text(*value).value_or("");
  name.start_line =
      static_cast<uint32_t>(std::min<uint64_t>(attributes.number(Slot::kDeclLine), UINT32_MAX));
  return name;
}

} // namespace

FunctionName FunctionNames::find(UnitSet& units, const Unit& unit, uint64_t position) {
  FunctionName name;
  const Place next = read(units, unit, position, name);
  if (next.units == nullptr || is_complete(name))
    return name;
  const Key key{next.units->number(), next.position};
  if (const FunctionName* const known = names_.find(key); known != nullptr)
    add_missing(name, *known);
  else
    add_missing(name, names_.put(key, follow(next), sizeof(FunctionName)));
  return name;
}

FunctionName FunctionNames::follow(Place place) {
  FunctionName name;
  for (int hop = 0; hop < kMaxHops && place.units != nullptr && !is_complete(name); ++hop) {
    const auto unit = place.units->get_at(place.position);
    if (unit == nullptr || unit->tag == 0)
      break;
    place = read(*place.units, *unit, place.position, name);
  }
  return name;
}

FunctionNames::Place FunctionNames::read(UnitSet& units, const Unit& unit, uint64_t position,
                                         FunctionName& name) const {
  Cursor cursor = unit.entries_at(position);
  const Abbreviation& abbreviation = unit.abbreviations->find(cursor.uleb());
  if (cursor.failed() ||
      (abbreviation.tag != DW_TAG_subprogram && abbreviation.tag != DW_TAG_inlined_subroutine))
    return {};
  Attributes attributes;
  unit.abbreviations->read_entry(cursor, abbreviation, unit.header.format, attributes);
  if (cursor.failed())
    return {};
  add_missing(name, name_in(unit, attributes));
  for (const Slot slot : {Slot::kSpecification, Slot::kAbstractOrigin})
    if (const FormValue* const value = attributes.find(slot); value != nullptr)
      return target_of(units, unit, *value);
  return {};
}

FunctionNames::Place FunctionNames::target_of(UnitSet& units, const Unit& unit,
                                              const FormValue& value) const {
  switch (value.form) {
  case DW_FORM_ref1:
  case DW_FORM_ref2:
  case DW_FORM_ref4:
  case DW_FORM_ref8:
  case DW_FORM_ref_udata:
    if (value.raw >= unit.header.end - unit.header.offset)
      return {};
    return {&units, unit.header.offset + value.raw};
  case DW_FORM_ref_addr:
    return {&units, value.raw};
  case DW_FORM_GNU_ref_alt:
  case DW_FORM_ref_sup4:
  case DW_FORM_ref_sup8:
    return {supplementary_, value.raw};
  default:
    return {};
  }
}

} // namespace pprofd::symbolizer::dwarf
