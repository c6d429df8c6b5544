#include "symbolizer/unwind/go/function_table.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <limits>

#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer::go {
namespace {

constexpr uint32_t kGo118 = 0xfffffff0;
constexpr uint32_t kGo120 = 0xfffffff1;
constexpr size_t kHeaderWords = 8;
constexpr size_t kTextWord = 2;
constexpr uint64_t kWordsOffset = 8;

// In a function's record.
constexpr uint64_t kNameField = 4;
constexpr uint64_t kGrowthField = 16;
constexpr uint32_t kSpecialGo118 = 36;
constexpr uint32_t kSpecialGo120 = 40;
constexpr uint8_t kWritesSp = 1 << 1;

// Where moduledata, which has a section of its own since Go 1.26, says where the text is.
constexpr uint64_t kModuleText = 176;

constexpr size_t kMaxName = 256;
constexpr size_t kMaxNumbers = 4096; // bytes read of a function's growth at a time
constexpr size_t kMaxPieces = 100'000;
constexpr uint32_t kRelativeX86 = 8;    // R_X86_64_RELATIVE
constexpr uint32_t kRelativeArm = 1027; // R_AARCH64_RELATIVE
constexpr uint64_t kMaxRelocations = 16ULL << 20;

const ElfSection* find_table(const ElfImage& image) {
  for (const char* name : {".gopclntab", ".data.rel.ro.gopclntab"})
    if (const ElfSection* section = image.find_section(name); section != nullptr)
      return section;
  return nullptr;
}

// What a relocation puts at `address`, in a file that is loaded anywhere.
std::optional<uint64_t> relocated(const ByteSource& source, const ElfImage& image,
                                  uint64_t address) {
  std::vector<Elf64_Rela> chunk(8192);
  for (const ElfSection& section : image.sections()) {
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0)
      continue;
    const uint64_t count = std::min(section.size / sizeof(Elf64_Rela), kMaxRelocations);
    for (uint64_t at = 0; at < count;) {
      const auto part = std::span(chunk).first(std::min<uint64_t>(count - at, chunk.size()));
      const size_t got =
          source.read_some(section.offset + at * sizeof(Elf64_Rela), std::as_writable_bytes(part)) /
          sizeof(Elf64_Rela);
      if (got == 0)
        break;
      for (const Elf64_Rela& relocation : part.first(got)) {
        const uint64_t type = ELF64_R_TYPE(relocation.r_info);
        if (relocation.r_offset == address && (type == kRelativeX86 || type == kRelativeArm))
          return static_cast<uint64_t>(relocation.r_addend);
      }
      at += got;
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> find_text(const ByteSource& source, const ElfImage& image,
                                  const ElfSection& table, uint64_t in_header) {
  const auto is_code = [&](uint64_t address) {
    return address != 0 && image.code_at({address}) != nullptr;
  };
  if (is_code(in_header))
    return in_header;
  const uint64_t header_word = table.address.value + kWordsOffset + kTextWord * sizeof(uint64_t);
  const ElfSection* module = image.find_section(".go.module");
  const uint64_t address = module == nullptr ? header_word : module->address.value + kModuleText;
  if (const auto text = relocated(source, image, address))
    return is_code(*text) ? text : std::nullopt;
  if (module == nullptr)
    return std::nullopt;
  const auto text = source.read_as<uint64_t>(module->offset + kModuleText);
  return text && is_code(*text) ? std::optional(*text) : std::nullopt;
}

} // namespace

std::optional<FunctionTable> FunctionTable::open(const ByteSource& source, const ElfImage& image) {
  FunctionTable table(source);
  if (!table.read_header(source, image))
    return std::nullopt;
  return table;
}

bool FunctionTable::read_header(const ByteSource& source, const ElfImage& image) {
  const ElfSection* section = find_table(image);
  if (section == nullptr || section->type == SHT_NOBITS || (section->flags & SHF_COMPRESSED) != 0)
    return false;
  section_.offset = section->offset;
  section_.size = section->size;
  section_.address = section->address;
  Cursor header(bytes_.at(section_, 0, kWordsOffset + kHeaderWords * sizeof(uint64_t)));
  const auto magic = header.read<uint32_t>();
  header.skip(2);
  quantum_ = header.u8();
  const uint8_t pointer = header.u8();
  std::array<uint64_t, kHeaderWords> words{};
  for (uint64_t& each : words)
    each = header.read<uint64_t>();
  if (header.failed() || (magic != kGo118 && magic != kGo120) || pointer != 8 ||
      words[0] > std::numeric_limits<uint32_t>::max() / 16)
    return false;
  special_ = magic == kGo118 ? kSpecialGo118 : kSpecialGo120;
  functions_ = static_cast<uint32_t>(words[0]);
  names_ = words[3];
  numbers_ = words[6];
  records_ = words[7];
  if (std::max({names_, numbers_, records_}) >= section_.size || functions_ == 0)
    return false;
  const auto start = find_text(source, image, *section, words[kTextWord]);
  const auto first = word(records_);
  const auto end = word(records_ + uint64_t{functions_} * 8);
  if (!start || !first || !end || *first >= *end)
    return false;
  text_ = {.start = {*start + *first}, .end = {*start + *end}};
  // Offsets of functions count from the text's start.
  section_.address = {*start};
  const AddressRange* code = image.code_at(text_.start);
  return code != nullptr && text_.end <= code->end;
}

std::optional<uint32_t> FunctionTable::word(uint64_t offset) {
  Cursor cursor(bytes_.at(section_, offset, sizeof(uint32_t)));
  const auto value = cursor.read<uint32_t>();
  return cursor.failed() ? std::nullopt : std::optional(value);
}

bool FunctionTable::read(uint32_t index, Function& function) {
  function.name.clear();
  function.pieces.clear();
  function.writes_sp = false;
  Cursor entry(bytes_.at(section_, records_ + uint64_t{index} * 8, 12));
  const auto start = entry.read<uint32_t>();
  const auto record = entry.read<uint32_t>();
  const auto end = entry.read<uint32_t>();
  if (entry.failed() || start >= end)
    return false;
  const uint64_t text = section_.address.value;
  function.start = text + start;
  function.end = text + end;
  if (function.start < text_.start.value || function.end > text_.end.value)
    return false;
  const uint64_t at = records_ + record;
  const auto name = word(at + kNameField);
  const auto growth = word(at + kGrowthField);
  const auto special = word(at + special_);
  if (!name || !growth || !special)
    return false;
  const auto flags = static_cast<uint8_t>(*special >> 8);
  function.writes_sp = (flags & kWritesSp) != 0;
  // An id, or a flag.
  if ((*special & 0xffff) != 0 && !read_name(names_ + *name, function.name))
    return false;
  return *growth == 0 || read_pieces(numbers_ + *growth, function);
}

bool FunctionTable::read_name(uint64_t offset, std::string& name) {
  Cursor cursor(bytes_.at(section_, offset, kMaxName));
  name = cursor.text();
  return !cursor.failed();
}

// Pairs of numbers: by how much the growth differs from the one before (which began at -1), and how
// many instructions it holds for. A difference of 0 ends them, but for the first.
bool FunctionTable::read_pieces(uint64_t offset, Function& function) {
  Cursor cursor(bytes_.at(section_, offset, kMaxNumbers));
  uint64_t pc = function.start;
  int64_t growth = -1;
  while (pc < function.end) {
    if (cursor.left() < 20) {
      offset += cursor.position();
      cursor = Cursor(bytes_.at(section_, offset, kMaxNumbers));
    }
    const uint64_t difference = cursor.uleb();
    if (difference == 0 && pc != function.start)
      return true;
    const uint64_t size = cursor.uleb() * quantum_;
    growth += static_cast<int64_t>(difference >> 1) ^ -static_cast<int64_t>(difference & 1);
    if (cursor.failed() || size == 0 || size > function.end - pc || growth < 0 ||
        growth > std::numeric_limits<int32_t>::max() / 2 || function.pieces.size() == kMaxPieces)
      return false;
    function.pieces.push_back(
        {.start = pc, .end = pc + size, .growth = static_cast<int32_t>(growth)});
    pc += size;
  }
  return true;
}

} // namespace pprofd::symbolizer::go
