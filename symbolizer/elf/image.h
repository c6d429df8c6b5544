// The frame of an ELF file: segments, sections, build id, and the way from a position in the file
// to an address. 64-bit little-endian files only; every other file is refused with the reason.
// The file may be anybody's: all counts, offsets and sizes are checked, all tables are bounded.
//
// Source: System V ABI, chapters 4 and 5 (gabi), with extended numbering of sections and segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/segment.h"

namespace pprofd::symbolizer {

struct ElfSection {
  uint32_t name = 0; // offset in the names; ElfImage::name_of()
  uint32_t type = 0; // SHT_*
  uint64_t flags = 0;
  ElfAddress address;
  uint64_t offset = 0;
  uint64_t size = 0;
  uint32_t link = 0;
  uint32_t info = 0;
  uint64_t entry_size = 0;
};

class ElfImage {
public:
  // Reads headers only. Without a readable section table the image has no sections and
  // section_failure() says why: build id and translation need none.
  static Result<ElfImage> open(const ByteSource& source);

  [[nodiscard]] uint16_t type() const { return type_; }       // ET_*
  [[nodiscard]] uint16_t machine() const { return machine_; } // EM_*
  [[nodiscard]] ElfAddress entry() const { return entry_; }   // of the program; 0: none
  [[nodiscard]] const std::vector<ElfSegment>& segments() const { return segments_; }
  [[nodiscard]] const std::vector<ElfSection>& sections() const { return sections_; }
  [[nodiscard]] const std::string& section_failure() const { return section_failure_; }

  [[nodiscard]] std::string_view name_of(const ElfSection& section) const;
  // The first section of that name or type; nullptr: none.
  [[nodiscard]] const ElfSection* find_section(std::string_view name) const;
  [[nodiscard]] const ElfSection* find_section(uint32_t type) const;
  // The section a header's link field names; nullptr where it names none.
  [[nodiscard]] const ElfSection* section(uint32_t index) const;

  // The address a byte of the file is loaded at, see segment.h.
  [[nodiscard]] std::optional<ElfAddress> translate(FileOffset offset) const {
    return symbolizer::translate(segments_, offset);
  }

  // Where code stands: the executable sections, or the executable segments of a file without
  // sections. Sorted, disjoint.
  [[nodiscard]] const std::vector<AddressRange>& code() const { return code_; }
  // The range of code() with `address`; nullptr: none.
  [[nodiscard]] const AddressRange* code_at(ElfAddress address) const;

  // The descriptor of the GNU build-id note, at most 64 bytes; empty: none.
  [[nodiscard]] std::span<const std::byte> build_id() const { return build_id_; }

  // What is needed for names only; after this sections() is empty. Frees memory.
  void drop_sections();

  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  Result<void> read_header(const ByteSource& source);
  Result<void> read_segments(const ByteSource& source);
  Result<void> read_sections(const ByteSource& source);
  void collect_code();
  bool read_notes(const ByteSource& source, uint64_t offset, uint64_t size, uint64_t alignment);

  uint16_t type_ = 0;
  uint16_t machine_ = 0;
  ElfAddress entry_{};
  uint64_t segment_offset_ = 0;
  uint64_t segment_count_ = 0;
  uint64_t section_offset_ = 0;
  uint64_t section_count_ = 0;
  uint32_t names_index_ = 0;
  std::vector<ElfSegment> segments_;
  std::vector<ElfSection> sections_;
  std::vector<std::byte> names_;
  std::vector<AddressRange> code_;
  std::vector<std::byte> build_id_;
  std::string section_failure_;
};

// Where the byte loaded at `address` stands in the file, and how many follow in its segment.
struct FileRange {
  uint64_t offset = 0;
  uint64_t size = 0;
};
std::optional<FileRange> file_range_at(const ByteSource& source, const ElfImage& image,
                                       ElfAddress address);

} // namespace pprofd::symbolizer
