#include "symbolizer/dwarf/lines/program.h"

#include <algorithm>
#include <optional>
#include <string>

#include "symbolizer/dwarf/units/text.h"

namespace pprofd::symbolizer::dwarf {
namespace {

// A table of more is no compiler's: entries may take no bytes at all.
constexpr size_t kMaxFiles = 1 << 20;

} // namespace

class LineHeaderReader {
public:
  LineHeaderReader(const Sections& sections, std::span<const std::byte> bytes, uint8_t address_size)
      : sections_(sections), cursor_(bytes) {
    program_.format_.address_size = address_size;
  }

  Result<LineProgram> read() {
    if (auto done = read_bounds(); !done)
      return std::unexpected(done.error());
    if (auto done = read_parameters(); !done)
      return std::unexpected(done.error());
    if (program_.format_.version >= 5)
      read_entry_lists();
    else
      read_old_lists();
    return std::move(program_);
  }

private:
  UnitFormat& format() { return program_.format_; }

  // Lengths and version; then the cursor is the header's, from behind header_length on.
  Result<void> read_bounds() {
    uint64_t length = cursor_.read<uint32_t>();
    if (length == kDwarf64) {
      format().offset_size = 8;
      length = cursor_.read<uint64_t>();
    } else if (length >= kFirstReserved) {
      return fail("", "a line program has a reserved length");
    }
    if (cursor_.failed())
      return fail("", "a line program is cut short");
    Cursor unit(cursor_.rest().first(std::min<uint64_t>(length, cursor_.left())));
    const auto version = unit.read<uint16_t>();
    if (version < 2 || version > 5)
      return fail("", "a line program has version " + std::to_string(version));
    format().version = static_cast<uint8_t>(version);
    files().version = version;
    if (version >= 5) {
      const uint8_t address_size = unit.u8();
      unit.u8(); // segment selectors
      if (address_size == 4 || address_size == 8)
        format().address_size = address_size;
    }
    const uint64_t header = read_number(unit, format().offset_size);
    if (unit.failed() || header > unit.left())
      return fail("", "a line program's header is cut short");
    cursor_ = Cursor(unit.bytes(header));
    program_.program_ = unit.rest();
    return {};
  }

  Result<void> read_parameters() {
    program_.instruction_length_ = cursor_.u8();
    if (format().version >= 4)
      program_.max_operations_ = cursor_.u8();
    cursor_.u8(); // default_is_stmt
    program_.line_base_ = static_cast<int8_t>(cursor_.u8());
    program_.line_range_ = cursor_.u8();
    program_.opcode_base_ = cursor_.u8();
    for (unsigned opcode = 1; opcode < program_.opcode_base_; ++opcode)
      program_.operands_.at(opcode) = cursor_.u8();
    if (cursor_.failed())
      return fail("", "a line program's header is cut short");
    return {};
  }

  FileTable& files() { return program_.files_; }

  void read_old_lists() {
    while (!cursor_.at_end()) {
      const std::string_view folder = cursor_.text();
      if (folder.empty())
        break;
      files().folders.push_back(folder);
    }
    while (!cursor_.at_end()) {
      const std::string_view name = cursor_.text();
      if (name.empty())
        break;
      const uint64_t folder = cursor_.uleb();
      cursor_.uleb(); // time
      cursor_.uleb(); // size
      if (!cursor_.failed())
        files().files.push_back({.name = name, .folder = folder});
    }
  }

  struct Field {
    uint64_t content = 0;
    uint16_t form = 0;
  };

  std::vector<Field> read_fields() {
    std::vector<Field> fields(cursor_.u8());
    for (Field& field : fields) {
      field.content = cursor_.uleb();
      field.form = static_cast<uint16_t>(std::min<uint64_t>(cursor_.uleb(), UINT16_MAX));
    }
    return fields;
  }

  FileEntry read_file(const std::vector<Field>& fields, std::span<const std::byte> bytes) {
    FileEntry file;
    for (const Field& field : fields) {
      const FormValue value = read_form(cursor_, field.form, format());
      if (field.content == DW_LNCT_path)
        file.name = text(value, bytes);
      else if (field.content == DW_LNCT_directory_index)
        file.folder = value.raw;
    }
    return file;
  }

  [[nodiscard]] std::string_view text(const FormValue& value,
                                      std::span<const std::byte> bytes) const {
    switch (value.form) {
    case DW_FORM_string:
      return text_at(bytes, value.raw).value_or("");
    case DW_FORM_line_strp:
      return text_at(sections_.line_str, value.raw).value_or("");
    case DW_FORM_strp:
      return text_at(sections_.str, value.raw).value_or("");
    default:
      return {};
    }
  }

  // Folders, then files, each behind a description of its fields.
  void read_entry_lists() {
    const std::span<const std::byte> bytes = cursor_.all();
    for (const bool folders : {true, false}) {
      const std::vector<Field> fields = read_fields();
      const uint64_t count = cursor_.uleb();
      for (uint64_t i = 0; i < count && i < kMaxFiles; ++i) {
        const FileEntry entry = read_file(fields, bytes);
        if (cursor_.failed())
          return;
        if (folders)
          files().folders.push_back(entry.name);
        else
          files().files.push_back(entry);
      }
    }
  }

  const Sections& sections_;
  Cursor cursor_;
  LineProgram program_;
};

Result<LineProgram> LineProgram::read(const Sections& sections, uint64_t offset,
                                      uint8_t address_size) {
  if (offset >= sections.line.size())
    return fail("", "a line program is outside its section");
  return LineHeaderReader(sections, sections.line.subspan(offset), address_size).read();
}

void LineProgram::prepare() {
  const unsigned range = std::max<unsigned>(line_range_, 1);
  for (unsigned opcode = opcode_base_; opcode < special_.size(); ++opcode) {
    const unsigned adjusted = opcode - opcode_base_;
    special_.at(opcode) = {
        .operations = static_cast<uint16_t>(adjusted / range),
        .line = static_cast<int16_t>(line_base_ + static_cast<int>(adjusted % range))};
  }
}

bool LineProgram::standard(Cursor& cursor, LineRow& row, uint8_t opcode) {
  switch (opcode) {
  case DW_LNS_advance_pc:
    advance(row, cursor.uleb());
    break;
  case DW_LNS_advance_line:
    row.line += static_cast<uint32_t>(cursor.sleb());
    break;
  case DW_LNS_set_file:
    row.file = cursor.uleb();
    break;
  case DW_LNS_set_column:
    row.column = static_cast<uint32_t>(cursor.uleb());
    break;
  case DW_LNS_const_add_pc: {
    const unsigned range = std::max<unsigned>(line_range_, 1);
    advance(row, (255U - opcode_base_) / range);
    break;
  }
  case DW_LNS_fixed_advance_pc:
    row.address += cursor.read<uint16_t>();
    operation_ = 0;
    break;
  case DW_LNS_negate_stmt:
  case DW_LNS_set_basic_block:
  case DW_LNS_set_prologue_end:
  case DW_LNS_set_epilogue_begin:
    break;
  default: // set_isa, and what later versions may add
    for (unsigned i = 0; i < operands_.at(opcode); ++i)
      cursor.uleb();
    break;
  }
  return !cursor.failed();
}

bool LineProgram::set_address(Cursor& cursor, LineRow& row, uint64_t size) {
  if (size != 1 && size != 2 && size != 4 && size != 8)
    return false;
  row.address = read_number(cursor, static_cast<unsigned>(size));
  operation_ = 0;
  return true;
}

void LineProgram::define_file(Cursor& cursor) {
  const std::string_view name = cursor.text();
  const uint64_t folder = cursor.uleb();
  if (!cursor.failed() && files_.files.size() < kMaxFiles)
    files_.files.push_back({.name = name, .folder = folder});
}

} // namespace pprofd::symbolizer::dwarf
