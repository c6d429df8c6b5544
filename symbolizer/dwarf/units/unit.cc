#include "symbolizer/dwarf/units/unit.h"

#include <algorithm>

#include "symbolizer/dwarf/units/constants.h"
#include "symbolizer/dwarf/units/text.h"

namespace pprofd::symbolizer::dwarf {
namespace {

constexpr size_t kMaxUnits = 500'000;

// What stands behind the length; false: not to be read.
bool read_header_fields(Cursor& cursor, UnitHeader& header) {
  const auto version = cursor.read<uint16_t>();
  if (version < 2 || version > 5)
    return false;
  header.format.version = static_cast<uint8_t>(version);
  header.type = DW_UT_compile;
  if (version >= 5) {
    header.type = cursor.u8();
    header.format.address_size = cursor.u8();
    header.abbreviations = read_number(cursor, header.format.offset_size);
  } else {
    header.abbreviations = read_number(cursor, header.format.offset_size);
    header.format.address_size = cursor.u8();
  }
  if (header.type == DW_UT_skeleton || header.type == DW_UT_split_compile)
    header.split_id = cursor.read<uint64_t>();
  if (header.is_type()) {
    cursor.read<uint64_t>(); // signature
    read_number(cursor, header.format.offset_size);
  }
  const uint8_t size = header.format.address_size;
  return !cursor.failed() && (size == 4 || size == 8);
}

std::optional<uint64_t> sum(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
}

// The `index`th number of `size` bytes from `base` on.
std::optional<uint64_t> element(std::span<const std::byte> section, uint64_t base, uint64_t index,
                                unsigned size) {
  uint64_t into = 0;
  if (__builtin_mul_overflow(index, size, &into))
    return std::nullopt;
  const auto at = sum(base, into);
  if (!at || *at > section.size())
    return std::nullopt;
  Cursor cursor(section.subspan(*at));
  const uint64_t value = read_number(cursor, size);
  return cursor.failed() ? std::nullopt : std::optional(value);
}

std::optional<uint64_t> base_of(const Attributes& root, Slot slot) {
  const FormValue* const value = root.find(slot);
  return value == nullptr ? std::nullopt : std::optional(value->raw);
}

UnitBases read_bases(const Unit& unit) {
  UnitBases bases;
  const UnitFormat& format = unit.header.format;
  bases.string_offsets = base_of(unit.root, Slot::kStringOffsetsBase);
  bases.addresses = base_of(unit.root, Slot::kAddressBase);
  bases.range_lists = base_of(unit.root, Slot::kRangeListsBase);
  // A split unit's are behind the sections' only headers.
  if (unit.header.type == DW_UT_split_compile) {
    const bool wide = format.offset_size == 8;
    if (!bases.string_offsets)
      bases.string_offsets = wide ? 16 : 8;
    if (!bases.range_lists)
      bases.range_lists = wide ? 20 : 12;
  } else if (format.version < 5 && !bases.string_offsets) {
    bases.string_offsets = 0; // DW_FORM_GNU_str_index
  }
  return bases;
}

} // namespace

bool UnitHeader::is_type() const {
  return type == DW_UT_type || type == DW_UT_split_type;
}

std::vector<UnitHeader> read_unit_headers(std::span<const std::byte> info) {
  std::vector<UnitHeader> units;
  uint64_t offset = 0;
  while (offset < info.size() && units.size() < kMaxUnits) {
    Cursor cursor(info.subspan(offset));
    UnitHeader header{.offset = offset};
    uint64_t length = cursor.read<uint32_t>();
    if (length == kDwarf64) {
      header.format.offset_size = 8;
      length = cursor.read<uint64_t>();
    } else if (length >= kFirstReserved) {
      break;
    }
    if (cursor.failed() || length > cursor.left())
      break;
    header.end = offset + cursor.position() + length;
    if (read_header_fields(cursor, header) && offset + cursor.position() <= header.end) {
      header.first_entry = static_cast<uint32_t>(cursor.position());
      units.push_back(header);
    }
    offset = header.end;
  }
  return units;
}

const UnitHeader* unit_at(std::span<const UnitHeader> units, uint64_t offset) {
  const auto after = std::ranges::upper_bound(units, offset, {}, &UnitHeader::offset);
  if (after == units.begin() || offset >= std::prev(after)->end)
    return nullptr;
  return &*std::prev(after);
}

Cursor Unit::entries_at(uint64_t offset) const {
  Cursor cursor(sections->info.first(header.end));
  cursor.skip(offset < header.offset + header.first_entry ? header.end : offset);
  return cursor;
}

std::optional<std::string_view> Unit::text(const FormValue& value) const {
  switch (value.form) {
  case DW_FORM_string:
    return text_at(sections->info, value.raw);
  case DW_FORM_strp:
    return text_at(sections->str, value.raw);
  case DW_FORM_line_strp:
    return text_at(sections->line_str, value.raw);
  case DW_FORM_strp_sup:
  case DW_FORM_GNU_strp_alt:
    return supplementary == nullptr ? std::nullopt : text_at(supplementary->str, value.raw);
  case DW_FORM_strx:
  case DW_FORM_strx1:
  case DW_FORM_strx2:
  case DW_FORM_strx3:
  case DW_FORM_strx4:
  case DW_FORM_GNU_str_index: {
    if (!bases.string_offsets)
      return std::nullopt;
    const auto offset =
        element(sections->str_offsets, *bases.string_offsets, value.raw, header.format.offset_size);
    return offset ? text_at(sections->str, *offset) : std::nullopt;
  }
  default:
    return std::nullopt;
  }
}

std::optional<uint64_t> Unit::address_at(uint64_t index) const {
  if (!bases.addresses)
    return std::nullopt;
  return element(main_sections->addr, *bases.addresses, index, header.format.address_size);
}

std::optional<uint64_t> Unit::address(const FormValue& value) const {
  switch (value.form) {
  case DW_FORM_addr:
    return value.raw;
  case DW_FORM_addrx:
  case DW_FORM_addrx1:
  case DW_FORM_addrx2:
  case DW_FORM_addrx3:
  case DW_FORM_addrx4:
  case DW_FORM_GNU_addr_index:
    return address_at(value.raw);
  default:
    return std::nullopt;
  }
}

std::string_view Unit::text_of(Slot slot) const {
  const FormValue* const value = root.find(slot);
  return value == nullptr ? std::string_view() : text(*value).value_or("");
}

std::optional<uint64_t> Unit::line_program() const {
  const FormValue* const value = root.find(Slot::kStatements);
  return value == nullptr ? std::nullopt : std::optional(value->raw);
}

Unit read_unit(const Sections& sections, const UnitHeader& header,
               std::shared_ptr<const AbbreviationTable> abbreviations) {
  Unit unit{.sections = &sections,
            .main_sections = &sections,
            .header = header,
            .abbreviations = std::move(abbreviations)};
  if (unit.abbreviations == nullptr)
    return unit;
  Cursor cursor = unit.entries_at(header.offset + header.first_entry);
  const Abbreviation& abbreviation = unit.abbreviations->find(cursor.uleb());
  if (cursor.failed() || abbreviation.role == Role::kMissing)
    return unit;
  unit.abbreviations->read_entry(cursor, abbreviation, header.format, unit.root);
  if (cursor.failed())
    return unit;
  unit.tag = abbreviation.tag;
  unit.children = abbreviation.children;
  unit.root_end = cursor.position();
  unit.bases = read_bases(unit);
  if (const FormValue* const low = unit.root.find(Slot::kLowPc); low != nullptr)
    unit.bases.base_address = unit.address(*low).value_or(0);
  return unit;
}

Unit read_unit_root(const Sections& sections, const UnitHeader& header) {
  Cursor cursor(sections.info.first(header.end));
  cursor.skip(header.offset + header.first_entry);
  auto table =
      AbbreviationTable::read(sections.abbrev, header.abbreviations, header.format, cursor.uleb());
  return read_unit(sections, header,
                   table ? std::make_shared<const AbbreviationTable>(std::move(*table)) : nullptr);
}

} // namespace pprofd::symbolizer::dwarf
