#include "symbolizer/unwind/cfi/sections.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "symbolizer/elf/inflate.h"
#include "symbolizer/unwind/cfi/pointer.h"

namespace pprofd::symbolizer::cfi {
namespace {

constexpr uint64_t kMaxSection = 512ULL << 20;
constexpr uint64_t kMaxInflated = 32ULL << 20;
constexpr size_t kMaxSections = 16;
constexpr uint64_t kMaxProgramHeaders = 4096;
constexpr uint64_t kMaxDynamic = 4096;          // entries that are looked at
constexpr size_t kHeaderBytes = 64;             // more than .eh_frame_hdr's fields take
constexpr uint32_t kX86UnwindType = 0x70000001; // SHT_X86_64_UNWIND

// Program headers that ElfImage does not keep.
struct ProgramHeaders {
  std::optional<Elf64_Phdr> eh_frame;
  std::optional<Elf64_Phdr> dynamic;
};

ProgramHeaders read_program_headers(const ByteSource& source) {
  ProgramHeaders found;
  const auto header = source.read_as<Elf64_Ehdr>(0);
  if (!header || header->e_phentsize != sizeof(Elf64_Phdr))
    return found;
  const uint64_t count = std::min<uint64_t>(header->e_phnum, kMaxProgramHeaders);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t offset = 0;
    if (__builtin_add_overflow(header->e_phoff, i * sizeof(Elf64_Phdr), &offset))
      break;
    const auto entry = source.read_as<Elf64_Phdr>(offset);
    if (!entry)
      break;
    if (entry->p_type == PT_GNU_EH_FRAME && !found.eh_frame)
      found.eh_frame = *entry;
    if (entry->p_type == PT_DYNAMIC && !found.dynamic)
      found.dynamic = *entry;
  }
  return found;
}

// Whether the string at `offset` of the dynamic section's begins as the dynamic loader's name does.
bool is_loader(const ByteSource& source, const FileRange& strings, uint64_t offset) {
  constexpr std::string_view kLoader = "ld-";
  std::array<char, kLoader.size()> name{};
  return offset < strings.size &&
         source.read_some(strings.offset + offset, std::as_writable_bytes(std::span(name))) ==
             name.size() &&
         std::string_view(name.data(), name.size()) == kLoader;
}

bool has_dependencies(const ByteSource& source, const ElfImage& image, const Elf64_Phdr& dynamic) {
  const uint64_t count = std::min<uint64_t>(dynamic.p_filesz / sizeof(Elf64_Dyn), kMaxDynamic);
  std::vector<uint64_t> needed;
  std::optional<FileRange> strings;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t offset = 0;
    if (__builtin_add_overflow(dynamic.p_offset, i * sizeof(Elf64_Dyn), &offset))
      break;
    const auto entry = source.read_as<Elf64_Dyn>(offset);
    if (!entry || entry->d_tag == DT_NULL)
      break;
    if (entry->d_tag == DT_NEEDED)
      needed.push_back(entry->d_un.d_val);
    if (entry->d_tag == DT_STRTAB)
      strings = file_range_at(source, image, {entry->d_un.d_ptr});
  }
  return !std::ranges::all_of(
      needed, [&](uint64_t name) { return strings && is_loader(source, *strings, name); });
}

std::optional<EhFrameHeader> read_header(const ByteSource& source, const Elf64_Phdr& segment) {
  std::array<std::byte, kHeaderBytes> bytes{};
  const size_t wanted = std::min<uint64_t>(segment.p_filesz, bytes.size());
  const size_t size = source.read_some(segment.p_offset, std::span(bytes).first(wanted));
  Cursor cursor(std::span<const std::byte>(bytes).first(size));
  EhFrameHeader header{.address = {segment.p_vaddr}};
  const uint8_t version = cursor.u8();
  const uint8_t pointer = cursor.u8();
  const uint8_t count = cursor.u8();
  const uint8_t table = cursor.u8();
  if (cursor.failed() || version != 1)
    return std::nullopt;
  const PointerBase base{.cursor_start = segment.p_vaddr, .data = segment.p_vaddr};
  const auto eh_frame = read_pointer(cursor, pointer, base);
  if (!eh_frame || is_indirect(pointer))
    return std::nullopt;
  header.eh_frame = {*eh_frame};
  const auto entries = read_pointer(cursor, count, base);
  constexpr uint8_t kTable = kRelativeToData | kSigned4;
  if (entries && !is_indirect(count) && table == kTable) {
    header.table_offset = segment.p_offset + cursor.position();
    header.entries = std::min(*entries, (segment.p_filesz - cursor.position()) / 8);
  }
  return header;
}

class Finder {
public:
  Finder(const ByteSource& source, const ElfImage& image) : source_(source), image_(image) {}

  CfiSections find() {
    const ProgramHeaders headers = read_program_headers(source_);
    if (headers.dynamic)
      result_.has_dependencies = has_dependencies(source_, image_, *headers.dynamic);
    if (headers.eh_frame)
      result_.header = read_header(source_, *headers.eh_frame);
    bool named = false; // also where its bytes are elsewhere, as in debug files
    for (const ElfSection& section : image_.sections())
      if (is_eh_frame(section)) {
        named = true;
        add(section, false);
      }
    if (!named)
      add_by_header();
    for (const ElfSection& section : image_.sections())
      if (image_.name_of(section) == ".debug_frame")
        add(section, true);
    return std::move(result_);
  }

private:
  [[nodiscard]] bool is_eh_frame(const ElfSection& section) const {
    const std::string_view name = image_.name_of(section);
    return name == ".eh_frame" || (section.type == kX86UnwindType &&
                                   image_.machine() == EM_X86_64 && name != ".eh_frame_hdr");
  }

  void note(const ElfSection& section, std::string_view text) {
    result_.notes.push_back(std::string(image_.name_of(section)) + ": " + std::string(text));
  }

  void add(const ElfSection& section, bool debug) {
    if (section.type == SHT_NOBITS || section.size == 0)
      return;
    if (result_.sections.size() == kMaxSections) {
      note(section, "more sections than are read");
      return;
    }
    CfiSection found{.debug = debug,
                     .offset = section.offset,
                     .size = section.size,
                     .address = section.address,
                     .inflated = {}};
    if ((section.flags & SHF_COMPRESSED) != 0) {
      auto bytes = inflate_section(source_, section.offset, section.size, kMaxInflated);
      if (!bytes) {
        note(section, bytes.error().why);
        return;
      }
      found.inflated = std::move(*bytes);
      found.size = found.inflated.size();
    } else if (!clip(found)) {
      note(section, "it reaches beyond the end of the file");
    }
    if (found.size != 0)
      result_.sections.push_back(std::move(found));
  }

  // Keeps what is in the file and within the limit; false where that is not all.
  bool clip(CfiSection& section) const {
    const uint64_t there =
        section.offset < source_.size() ? source_.size() - section.offset : uint64_t{0};
    const uint64_t kept = std::min({section.size, there, kMaxSection});
    const bool whole = kept == section.size;
    section.size = kept;
    return whole;
  }

  void add_by_header() {
    if (!result_.header)
      return;
    const auto range = file_range_at(source_, image_, result_.header->eh_frame);
    if (!range) {
      result_.notes.emplace_back(".eh_frame_hdr: it points to no .eh_frame");
      return;
    }
    CfiSection found{.open_ended = true,
                     .offset = range->offset,
                     .size = range->size,
                     .address = result_.header->eh_frame,
                     .inflated = {}};
    clip(found);
    if (found.size != 0)
      result_.sections.push_back(std::move(found));
  }

  const ByteSource& source_;
  const ElfImage& image_;
  CfiSections result_;
};

} // namespace

CfiSections find_cfi_sections(const ByteSource& source, const ElfImage& image) {
  return Finder(source, image).find();
}

} // namespace pprofd::symbolizer::cfi
