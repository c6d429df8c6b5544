#include "symbolizer/dwarf/units/form.h"

#include "symbolizer/dwarf/units/constants.h"

namespace pprofd::symbolizer::dwarf {

std::optional<uint8_t> fixed_size(uint16_t form, const UnitFormat& format) {
  switch (form) {
  case DW_FORM_flag_present:
  case DW_FORM_implicit_const:
    return 0;
  case DW_FORM_data1:
  case DW_FORM_flag:
  case DW_FORM_ref1:
  case DW_FORM_strx1:
  case DW_FORM_addrx1:
    return 1;
  case DW_FORM_data2:
  case DW_FORM_ref2:
  case DW_FORM_strx2:
  case DW_FORM_addrx2:
    return 2;
  case DW_FORM_strx3:
  case DW_FORM_addrx3:
    return 3;
  case DW_FORM_data4:
  case DW_FORM_ref4:
  case DW_FORM_ref_sup4:
  case DW_FORM_strx4:
  case DW_FORM_addrx4:
    return 4;
  case DW_FORM_data8:
  case DW_FORM_ref8:
  case DW_FORM_ref_sup8:
  case DW_FORM_ref_sig8:
    return 8;
  case DW_FORM_data16:
    return 16;
  case DW_FORM_addr:
    return format.address_size;
  case DW_FORM_ref_addr:
    return format.version <= 2 ? format.address_size : format.offset_size;
  case DW_FORM_strp:
  case DW_FORM_sec_offset:
  case DW_FORM_strp_sup:
  case DW_FORM_line_strp:
  case DW_FORM_GNU_ref_alt:
  case DW_FORM_GNU_strp_alt:
    return format.offset_size;
  default:
    return std::nullopt;
  }
}

namespace {

// A cursor that has failed, with a value that says so.
FormValue unknown(Cursor& cursor) {
  cursor.skip(UINT64_MAX);
  return {};
}

FormValue read_variable(Cursor& cursor, uint16_t form) {
  FormValue value{.form = form};
  switch (form) {
  case DW_FORM_string:
    value.raw = cursor.position();
    cursor.text();
    break;
  case DW_FORM_sdata:
    value.raw = static_cast<uint64_t>(cursor.sleb());
    break;
  case DW_FORM_udata:
  case DW_FORM_ref_udata:
  case DW_FORM_strx:
  case DW_FORM_addrx:
  case DW_FORM_loclistx:
  case DW_FORM_rnglistx:
  case DW_FORM_GNU_addr_index:
  case DW_FORM_GNU_str_index:
    value.raw = cursor.uleb();
    break;
  case DW_FORM_block:
  case DW_FORM_exprloc:
    cursor.skip(cursor.uleb());
    break;
  case DW_FORM_block1:
    cursor.skip(cursor.u8());
    break;
  case DW_FORM_block2:
    cursor.skip(cursor.read<uint16_t>());
    break;
  case DW_FORM_block4:
    cursor.skip(cursor.read<uint32_t>());
    break;
  case DW_FORM_LLVM_addrx_offset:
    value.raw = cursor.uleb();
    cursor.skip(4);
    break;
  default:
    return unknown(cursor);
  }
  return value;
}

} // namespace

FormValue read_form(Cursor& cursor, uint16_t form, const UnitFormat& format) {
  if (form == DW_FORM_indirect) {
    const uint64_t real = cursor.uleb();
    // A constant of the abbreviation has no place here, nor has a second detour.
    if (real == DW_FORM_indirect || real == DW_FORM_implicit_const || real > UINT16_MAX)
      return unknown(cursor);
    form = static_cast<uint16_t>(real);
  }
  const auto size = fixed_size(form, format);
  if (!size)
    return read_variable(cursor, form);
  if (form == DW_FORM_data16) {
    cursor.skip(*size);
    return {.form = form};
  }
  if (form == DW_FORM_flag_present)
    return {.form = form, .raw = 1};
  return {.form = form, .raw = *size == 0 ? 0 : read_number(cursor, *size)};
}

} // namespace pprofd::symbolizer::dwarf
