// All FDEs of a file in address order, 12 bytes each.
//
// The sections are read from end to end. Where a record is malformed, reading goes on at the next
// FDE that .eh_frame_hdr knows behind it, if that is before the record's end, else at the end.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/cfi/records.h"
#include "symbolizer/unwind/cfi/sections.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::symbolizer::cfi {

class FdeIndex {
public:
  // An FDE that is not read yet.
  struct Place {
    const CfiSection* section = nullptr;
    uint64_t offset = 0;
  };
  struct Entry {
    uint64_t address = 0;
    Place place;
  };

  // Reads headers only; counts FDEs left out into `facts`. `sections` must outlive this.
  void build(const ByteSource& source, const ElfImage& image, const CfiSections& sections,
             RecordReader& reader, UnwindFacts& facts);

  [[nodiscard]] size_t size() const { return packed_.size(); }
  // Whether a .debug_frame, or else a .eh_frame, was read.
  [[nodiscard]] bool has(bool debug) const { return debug ? has_debug_ : has_eh_; }
  [[nodiscard]] Entry operator[](size_t index) const;

private:
  static constexpr size_t kMaxFdes = size_t{4} << 20;

  // `where` counts through all sections, one behind the other.
  struct [[gnu::packed]] Packed {
    uint64_t address;
    uint32_t where;
  };
  static_assert(sizeof(Packed) == 12);

  class Scan;
  void sort();

  const CfiSections* sections_ = nullptr;
  std::vector<uint64_t> bases_; // of each section, in `where`
  std::vector<Packed> packed_;
  bool has_eh_ = false;
  bool has_debug_ = false;
};

} // namespace pprofd::symbolizer::cfi
