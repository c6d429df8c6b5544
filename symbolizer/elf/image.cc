#include "symbolizer/elf/image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "symbolizer/base/saturating.h"

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kMaxSegments = 4096;
constexpr uint64_t kMaxSections = 65'536;
constexpr uint64_t kMaxSectionNames = 4 << 20;
constexpr uint64_t kMaxNotes = 64 << 10; // bytes of one note segment that are looked at
constexpr size_t kMaxNoteSegments = 64;
constexpr size_t kMaxBuildId = 64;

std::unexpected<Error> because(std::string what, Error error) {
  error.what = std::move(what);
  return std::unexpected(std::move(error));
}

uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// Sorts and merges ranges that touch or overlap.
std::vector<AddressRange> merge(std::vector<AddressRange> ranges) {
  std::ranges::sort(ranges, {}, [](const AddressRange& range) { return range.start; });
  std::vector<AddressRange> merged;
  for (const AddressRange& range : ranges) {
    if (!merged.empty() && range.start < merged.back().end)
      merged.back().end = std::max(merged.back().end, range.end);
    else
      merged.push_back(range);
  }
  return merged;
}

} // namespace

Result<ElfImage> ElfImage::open(const ByteSource& source) {
  ElfImage image;
  if (auto done = image.read_header(source); !done)
    return because("read the ELF header", done.error());
  if (auto done = image.read_segments(source); !done)
    return because("read the program headers", done.error());
  if (auto done = image.read_sections(source); !done) {
    image.sections_.clear();
    image.names_.clear();
    image.section_failure_ = "section headers: " + done.error().why;
  }
  image.collect_code();
  for (const ElfSection& section : image.sections_) {
    if (!image.build_id_.empty())
      break;
    if (section.type == SHT_NOTE && image.name_of(section) == ".note.gnu.build-id")
      image.read_notes(source, section.offset, section.size, 4);
  }
  return image;
}

Result<void> ElfImage::read_header(const ByteSource& source) {
  std::array<std::byte, EI_NIDENT> ident{};
  if (source.size() == 0)
    return fail("", "the file is empty");
  if (source.read_some(0, ident) < SELFMAG || std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0)
    return fail("", "not an ELF file");
  const auto elf_class = std::to_integer<int>(ident[EI_CLASS]);
  if (elf_class == ELFCLASS32)
    return fail("", "32-bit ELF files are not supported");
  if (elf_class != ELFCLASS64)
    return fail("", "unknown ELF class " + std::to_string(elf_class));
  const auto data = std::to_integer<int>(ident[EI_DATA]);
  if (data == ELFDATA2MSB)
    return fail("", "big-endian ELF files are not supported");
  if (data != ELFDATA2LSB)
    return fail("", "unknown ELF data encoding " + std::to_string(data));

  auto header = source.read_as<Elf64_Ehdr>(0);
  if (!header)
    return std::unexpected(header.error());
  type_ = header->e_type;
  machine_ = header->e_machine;
  entry_ = {header->e_entry};
  segment_offset_ = header->e_phoff;
  segment_count_ = header->e_phnum;
  section_offset_ = header->e_shoff;
  section_count_ = header->e_shnum;
  names_index_ = header->e_shstrndx;
  if (segment_count_ != 0 && header->e_phentsize != sizeof(Elf64_Phdr))
    return fail("", "program headers of " + std::to_string(header->e_phentsize) + " bytes");
  if (section_offset_ == 0 || header->e_shentsize != sizeof(Elf64_Shdr)) {
    section_offset_ = 0;
    section_count_ = 0;
    return {};
  }
  // Numbers too big for the header stand in the first section header.
  auto first = source.read_as<Elf64_Shdr>(section_offset_);
  if (!first)
    return {};
  if (section_count_ == 0)
    section_count_ = first->sh_size;
  if (segment_count_ == PN_XNUM)
    segment_count_ = first->sh_info;
  if (names_index_ == SHN_XINDEX)
    names_index_ = first->sh_link;
  return {};
}

Result<void> ElfImage::read_segments(const ByteSource& source) {
  if (segment_count_ > kMaxSegments)
    return fail("", std::to_string(segment_count_) + " program headers");
  size_t notes = 0;
  for (uint64_t i = 0; i < segment_count_; ++i) {
    const uint64_t offset = saturating_add(segment_offset_, i * sizeof(Elf64_Phdr));
    auto header = source.read_as<Elf64_Phdr>(offset);
    if (!header)
      return std::unexpected(header.error());
    if (header->p_type == PT_LOAD)
      segments_.push_back({.offset = header->p_offset,
                           .file_size = header->p_filesz,
                           .address = {header->p_vaddr},
                           .memory_size = header->p_memsz,
                           .executable = (header->p_flags & PF_X) != 0});
    if (header->p_type == PT_NOTE && build_id_.empty() && notes++ < kMaxNoteSegments)
      read_notes(source, header->p_offset, header->p_filesz, header->p_align == 8 ? 8 : 4);
  }
  return {};
}

Result<void> ElfImage::read_sections(const ByteSource& source) {
  if (section_count_ == 0)
    return {};
  if (section_count_ > kMaxSections)
    return fail("", std::to_string(section_count_) + " of them");
  auto bytes = source.read_copy(section_offset_, section_count_ * sizeof(Elf64_Shdr),
                                kMaxSections * sizeof(Elf64_Shdr));
  if (!bytes)
    return std::unexpected(bytes.error());
  sections_.reserve(section_count_);
  for (uint64_t i = 0; i < section_count_; ++i) {
    Elf64_Shdr header;
    std::memcpy(&header, bytes->data() + i * sizeof header, sizeof header);
    sections_.push_back({.name = header.sh_name,
                         .type = header.sh_type,
                         .flags = header.sh_flags,
                         .address = {header.sh_addr},
                         .offset = header.sh_offset,
                         .size = header.sh_size,
                         .link = header.sh_link,
                         .info = header.sh_info,
                         .entry_size = header.sh_entsize});
  }
  if (const ElfSection* names = section(names_index_); names != nullptr) {
    auto read = source.read_copy(names->offset, names->size, kMaxSectionNames);
    if (!read)
      return std::unexpected(read.error());
    names_ = std::move(*read);
  }
  return {};
}

void ElfImage::collect_code() {
  std::vector<AddressRange> ranges;
  const auto add = [&](ElfAddress start, uint64_t size) {
    const AddressRange range{start, {saturating_add(start.value, size)}};
    if (range.start < range.end)
      ranges.push_back(range);
  };
  for (const ElfSection& section : sections_)
    if ((section.flags & SHF_ALLOC) != 0 && (section.flags & SHF_EXECINSTR) != 0)
      add(section.address, section.size);
  if (ranges.empty())
    for (const ElfSegment& segment : segments_)
      if (segment.executable)
        add(segment.address, segment.memory_size);
  code_ = merge(std::move(ranges));
}

bool ElfImage::read_notes(const ByteSource& source, uint64_t offset, uint64_t size,
                          uint64_t alignment) {
  auto bytes = source.read_copy(offset, std::min(size, kMaxNotes), kMaxNotes);
  if (!bytes)
    return false;
  const std::span<const std::byte> notes(*bytes);
  size_t at = 0;
  while (notes.size() - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data() + at, sizeof header);
    const uint64_t name = at + sizeof header;
    const uint64_t descriptor = align_up(name + header.n_namesz, alignment);
    const uint64_t end = descriptor + header.n_descsz;
    if (end > notes.size())
      return false;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(notes.data() + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 &&
        header.n_descsz != 0 && header.n_descsz <= kMaxBuildId) {
      build_id_.assign(notes.data() + descriptor, notes.data() + end);
      return true;
    }
    at = std::min<uint64_t>(align_up(end, alignment), notes.size());
  }
  return false;
}

std::string_view ElfImage::name_of(const ElfSection& section) const {
  if (section.name >= names_.size())
    return {};
  const auto* start = reinterpret_cast<const char*>(names_.data()) + section.name;
  return {start, ::strnlen(start, names_.size() - section.name)};
}

const ElfSection* ElfImage::find_section(std::string_view name) const {
  const auto found = std::ranges::find_if(
      sections_, [&](const ElfSection& section) { return name_of(section) == name; });
  return found == sections_.end() ? nullptr : &*found;
}

const ElfSection* ElfImage::find_section(uint32_t type) const {
  const auto found = std::ranges::find(sections_, type, &ElfSection::type);
  return found == sections_.end() ? nullptr : &*found;
}

const ElfSection* ElfImage::section(uint32_t index) const {
  return index == SHN_UNDEF || index >= sections_.size() ? nullptr : &sections_[index];
}

const AddressRange* ElfImage::code_at(ElfAddress address) const {
  auto after = std::ranges::upper_bound(code_, address, {}, &AddressRange::start);
  if (after == code_.begin())
    return nullptr;
  --after;
  return after->contains(address) ? &*after : nullptr;
}

void ElfImage::drop_sections() {
  sections_ = {};
  names_ = {};
}

size_t ElfImage::memory() const {
  return sizeof *this + segments_.capacity() * sizeof(ElfSegment) +
         sections_.capacity() * sizeof(ElfSection) + names_.capacity() +
         code_.capacity() * sizeof(AddressRange);
}

std::optional<FileRange> file_range_at(const ByteSource& source, const ElfImage& image,
                                       ElfAddress address) {
  for (const ElfSegment& segment : image.segments()) {
    const uint64_t into = address.value - segment.address.value;
    if (address < segment.address || into >= segment.file_size)
      continue;
    uint64_t offset = 0;
    if (__builtin_add_overflow(segment.offset, into, &offset) || offset >= source.size())
      continue;
    return FileRange{.offset = offset,
                     .size = std::min(segment.file_size - into, source.size() - offset)};
  }
  return std::nullopt;
}

} // namespace pprofd::symbolizer
