#include "symbolizer/dwarf/units/ranges.h"

#include <optional>

#include "symbolizer/dwarf/units/constants.h"

namespace pprofd::symbolizer::dwarf {
namespace {

uint64_t max_address(const UnitFormat& format) {
  return format.address_size == 4 ? UINT32_MAX : UINT64_MAX;
}

// -1, and -2 where -1 has a meaning of its own.
bool is_tombstone(uint64_t address, const UnitFormat& format) {
  return address >= max_address(format) - 1;
}

bool is_address_form(uint16_t form) {
  switch (form) {
  case DW_FORM_addr:
  case DW_FORM_addrx:
  case DW_FORM_addrx1:
  case DW_FORM_addrx2:
  case DW_FORM_addrx3:
  case DW_FORM_addrx4:
  case DW_FORM_GNU_addr_index:
    return true;
  default:
    return false;
  }
}

class ListReader {
public:
  ListReader(const Unit& unit, const RangeVisitor& visitor)
      : unit_(unit), format_(unit.header.format), visitor_(visitor),
        base_(unit.bases.base_address) {}

  // Offsets, each pair with the base added, up to two zeros.
  void read_old(uint64_t offset) {
    const auto section = unit_.main_sections->ranges;
    if (offset >= section.size())
      return;
    Cursor cursor(section.subspan(offset));
    for (;;) {
      const uint64_t start = read_number(cursor, format_.address_size);
      const uint64_t end = read_number(cursor, format_.address_size);
      if (cursor.failed() || (start == 0 && end == 0))
        return;
      if (start == max_address(format_))
        base_ = end;
      else if (!give_relative(start, end))
        return;
    }
  }

  void read_new(uint64_t offset) {
    const auto section = unit_.sections->rnglists;
    if (offset >= section.size())
      return;
    Cursor cursor(section.subspan(offset));
    while (read_entry(cursor) && !cursor.failed()) {
    }
  }

private:
  // False: the list ends here.
  bool read_entry(Cursor& cursor) {
    switch (cursor.u8()) {
    case DW_RLE_base_addressx:
      base_ = indexed(cursor);
      return true;
    case DW_RLE_startx_endx: {
      const auto start = indexed(cursor);
      const auto end = indexed(cursor);
      return cursor.failed() || !start || !end || give(*start, *end);
    }
    case DW_RLE_startx_length: {
      const auto start = indexed(cursor);
      const uint64_t length = cursor.uleb();
      return cursor.failed() || !start || give(*start, *start + length);
    }
    case DW_RLE_offset_pair: {
      const uint64_t start = cursor.uleb();
      const uint64_t end = cursor.uleb();
      return cursor.failed() || give_relative(start, end);
    }
    case DW_RLE_base_address:
      base_ = read_number(cursor, format_.address_size);
      return true;
    case DW_RLE_start_end: {
      const uint64_t start = read_number(cursor, format_.address_size);
      const uint64_t end = read_number(cursor, format_.address_size);
      return cursor.failed() || give(start, end);
    }
    case DW_RLE_start_length: {
      const uint64_t start = read_number(cursor, format_.address_size);
      const uint64_t length = cursor.uleb();
      return cursor.failed() || give(start, start + length);
    }
    default: // DW_RLE_end_of_list, and what is not known
      return false;
    }
  }

  std::optional<uint64_t> indexed(Cursor& cursor) {
    const uint64_t index = cursor.uleb();
    return unit_.address_at(index);
  }

  bool give_relative(uint64_t start, uint64_t end) {
    if (!base_ || is_tombstone(*base_, format_))
      return true;
    return give(*base_ + start, *base_ + end);
  }

  bool give(uint64_t start, uint64_t end) {
    return start >= end || is_tombstone(start, format_) || visitor_(start, end);
  }

  const Unit& unit_;
  const UnitFormat& format_;
  const RangeVisitor& visitor_;
  std::optional<uint64_t> base_;
};

// Where the list of that index is.
std::optional<uint64_t> list_at(const Unit& unit, uint64_t index) {
  const auto base = unit.bases.range_lists;
  const unsigned size = unit.header.format.offset_size;
  uint64_t at = 0;
  if (!base || __builtin_mul_overflow(index, size, &at) || __builtin_add_overflow(at, *base, &at) ||
      at >= unit.sections->rnglists.size())
    return std::nullopt;
  Cursor cursor(unit.sections->rnglists.subspan(at));
  const uint64_t offset = read_number(cursor, size);
  if (cursor.failed() || __builtin_add_overflow(offset, *base, &at))
    return std::nullopt;
  return at;
}

void visit_list(const Unit& unit, const FormValue& value, const RangeVisitor& visitor) {
  ListReader reader(unit, visitor);
  if (unit.header.format.version < 5) {
    uint64_t offset = 0;
    if (!__builtin_add_overflow(value.raw, unit.bases.ranges, &offset))
      reader.read_old(offset);
  } else if (value.form == DW_FORM_rnglistx) {
    if (const auto offset = list_at(unit, value.raw))
      reader.read_new(*offset);
  } else {
    reader.read_new(value.raw);
  }
}

} // namespace

void visit_ranges(const Unit& unit, const Attributes& attributes, const RangeVisitor& visitor) {
  const FormValue* const low = attributes.find(Slot::kLowPc);
  const FormValue* const high = attributes.find(Slot::kHighPc);
  if (low != nullptr && high != nullptr) {
    const auto start = unit.address(*low);
    if (!start || is_tombstone(*start, unit.header.format))
      return;
    const auto end =
        is_address_form(high->form) ? unit.address(*high) : std::optional(*start + high->raw);
    if (end && *start < *end)
      visitor(*start, *end);
    return;
  }
  if (const FormValue* const list = attributes.find(Slot::kRanges); list != nullptr)
    visit_list(unit, *list, visitor);
}

} // namespace pprofd::symbolizer::dwarf
