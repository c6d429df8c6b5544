#include "symbolizer/go/function_table.h"

#include <algorithm>
#include <span>

#include "symbolizer/base/saturating.h"
#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer::go {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kMaxRecord = 44;

} // namespace

FunctionTable::FunctionTable(const ByteSource& source, const ElfImage& image, const Header& header,
                             size_t cache_bytes)
    : header_(header), blocks_(source, cache_bytes),
      strings_(source, {.offset = header.place.offset, .size = header.place.size}, cache_bytes),
      pointers_(source, image, pointers_of(header)) {}

AddressRange FunctionTable::pointers_of(const Header& header) {
  if (header.layout < Layout::kGo118)
    return {.start = header.address,
            .end = {saturating_add(header.address.value, header.place.size)}};
  return {.start = header.text_word,
          .end = {saturating_add(header.text_word.value, sizeof(uint64_t))}};
}

Result<FunctionTable> FunctionTable::open(const ByteSource& source, const ElfImage& image,
                                          size_t cache_bytes) {
  const auto header = find_header(source, image);
  if (!header)
    return std::unexpected(header.error());
  FunctionTable table(source, image, *header, cache_bytes);
  table.module_ = find_module(source, image, *header);
  if (!table.find_text(image))
    return fail("Go's table of functions", "the code that it is of was not found");
  return table;
}

bool FunctionTable::find_text(const ElfImage& image) {
  const uint64_t last = header_.entries + uint64_t{header_.functions} * 2 * header_.entry_size();
  const auto fits = [&](uint64_t base) {
    base_ = base;
    const auto start = address_at(header_.entries);
    const auto end = address_at(last);
    const AddressRange* code = start ? image.code_at({*start}) : nullptr;
    if (code == nullptr || !end || *end <= *start || ElfAddress{*end} > code->end)
      return false;
    text_ = {.start = {*start}, .end = {*end}};
    return true;
  };
  if (header_.layout < Layout::kGo118)
    return fits(0);
  // Where there is a module, it says the same or is the only one that knows.
  if (module_ && fits(module_->text.value))
    return true;
  const auto in_header = pointers_.at(header_.text_word).value_or(0);
  if (in_header != 0)
    return fits(in_header);
  const ElfSection* section = image.find_section(".text");
  return section != nullptr && fits(section->address.value);
}

std::optional<uint64_t> FunctionTable::address_at(uint64_t offset) {
  if (header_.layout < Layout::kGo118)
    return pointer(offset);
  const auto from_base = read<uint32_t>(offset);
  return from_base ? std::optional(base_ + *from_base) : std::nullopt;
}

std::optional<uint64_t> FunctionTable::pointer(uint64_t offset) {
  const auto relocated = pointers_.relocated({header_.address.value + offset});
  return relocated ? relocated : read<uint64_t>(offset);
}

std::optional<uint64_t> FunctionTable::number(uint64_t offset) {
  if (header_.entry_size() == sizeof(uint64_t))
    return read<uint64_t>(offset);
  const auto value = read<uint32_t>(offset);
  return value ? std::optional<uint64_t>(*value) : std::nullopt;
}

std::optional<TableEntry> FunctionTable::entry(uint32_t index) {
  const uint64_t size = header_.entry_size();
  const uint64_t at = header_.entries + uint64_t{index} * 2 * size;
  const auto start = address_at(at);
  const auto end = address_at(at + 2 * size);
  const auto record = number(at + size);
  if (!start || !end || !record || *start >= *end || *start < text_.start.value ||
      *end > text_.end.value || *record >= header_.place.size - header_.records)
    return std::nullopt;
  return TableEntry{.start = *start, .end = *end, .record = header_.records + *record};
}

std::optional<TableEntry> FunctionTable::find(ElfAddress address) {
  if (!text_.contains(address))
    return std::nullopt;
  // The last that starts at or before the address.
  uint32_t low = 0;
  for (uint32_t count = size(); count > 1;) {
    const uint32_t half = count / 2;
    const uint64_t at = header_.entries + uint64_t{low + half} * 2 * header_.entry_size();
    const auto start = address_at(at);
    if (!start)
      return std::nullopt;
    if (*start <= address.value)
      low += half;
    count = *start <= address.value ? count - half : half;
  }
  const auto found = entry(low);
  return found && found->start <= address.value && address.value < found->end ? found
                                                                              : std::nullopt;
}

std::optional<Record> FunctionTable::record(const TableEntry& entry) {
  Cursor cursor(blocks_.at(header_.place.offset + entry.record, kMaxRecord));
  Record record;
  cursor.skip(header_.entry_size());
  record.name = cursor.read<uint32_t>();
  cursor.skip(8); // sizes of arguments and frame
  record.growth = cursor.read<uint32_t>();
  record.files = cursor.read<uint32_t>();
  record.lines = cursor.read<uint32_t>();
  record.pcdata_count = cursor.read<uint32_t>();
  if (header_.layout >= Layout::kGo116)
    record.unit = cursor.read<uint32_t>();
  if (header_.layout >= Layout::kGo120)
    record.start_line = cursor.read<uint32_t>();
  record.id = cursor.u8();
  record.flags = cursor.u8();
  cursor.skip(1);
  record.funcdata_count = cursor.u8();
  if (cursor.failed())
    return std::nullopt;
  // Before Go 1.12 the number of a function's data was the whole word.
  if (header_.layout == Layout::kGo12 && record.funcdata_count == 0) {
    record.before_go112 = true;
    record.funcdata_count = record.id;
    record.id = 0;
  }
  record.pcdata = entry.record + cursor.position();
  record.funcdata = record.pcdata + uint64_t{record.pcdata_count} * sizeof(uint32_t);
  if (header_.layout < Layout::kGo118)
    record.funcdata += -(header_.address.value + record.funcdata) % sizeof(uint64_t);
  return record;
}

std::string_view FunctionTable::name(uint32_t offset) {
  return strings_.at(header_.names + offset);
}

std::string_view FunctionTable::file(const Record& record, int32_t number) {
  if (number < 0 || (header_.layout == Layout::kGo12 && number == 0))
    return {};
  const bool by_unit = header_.layout >= Layout::kGo116;
  if (by_unit && record.unit == kNone)
    return {};
  const uint64_t list =
      by_unit ? header_.units + uint64_t{record.unit} * sizeof(uint32_t) : header_.files;
  const auto offset = read<uint32_t>(list + static_cast<uint64_t>(number) * sizeof(uint32_t));
  if (!offset || *offset == kNone)
    return {};
  return strings_.at((by_unit ? header_.files : 0) + *offset);
}

uint32_t FunctionTable::pcdata(const Record& record, uint32_t index) {
  if (index >= record.pcdata_count)
    return 0;
  return read<uint32_t>(record.pcdata + uint64_t{index} * sizeof(uint32_t)).value_or(0);
}

std::optional<ElfAddress> FunctionTable::funcdata(const Record& record, uint32_t index) {
  if (index >= record.funcdata_count)
    return std::nullopt;
  if (header_.layout < Layout::kGo118) {
    const uint64_t at = record.funcdata + uint64_t{index} * sizeof(uint64_t);
    const auto address = pointer(at);
    return address && *address != 0 ? std::optional(ElfAddress{*address}) : std::nullopt;
  }
  const auto offset = read<uint32_t>(record.funcdata + uint64_t{index} * sizeof(uint32_t));
  if (!module_ || !offset || *offset == kNone)
    return std::nullopt;
  return ElfAddress{module_->funcdata.value + *offset};
}

} // namespace pprofd::symbolizer::go
