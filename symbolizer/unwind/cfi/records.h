// CIEs and FDEs: the records of .eh_frame and .debug_frame.
// Source: DWARF 5, 6.4.1; LSB 5.0 Core, 10.6.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/architecture.h"
#include "symbolizer/unwind/cfi/pointer.h"
#include "symbolizer/unwind/cfi/program.h"
#include "symbolizer/unwind/cfi/section_bytes.h"
#include "symbolizer/unwind/cfi/sections.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::symbolizer::cfi {

// Offsets are the section's.
struct RecordHeader {
  enum class Kind : uint8_t { kTerminator, kCie, kFde };
  Kind kind = Kind::kTerminator;
  uint64_t start = 0;
  uint64_t body = 0; // behind length and id
  uint64_t end = 0;
  uint64_t cie = 0; // an FDE's
};

struct Fde {
  uint64_t start = 0; // address
  uint64_t end = 0;
  const Cie* cie = nullptr; // valid until another FDE is read
  std::span<const std::byte> instructions; // empty unless asked for
  uint64_t instructions_address = 0;
};

class RecordReader {
public:
  // All must outlive this.
  RecordReader(const ByteSource& source, const ElfImage& image, const Architecture& architecture)
      : source_(&source), image_(&image), architecture_(&architecture), bytes_(source),
        cies_(kCieSlots) {}

  // The record at `offset`; fails with kRecord (its end then is unknown) or kTooLarge.
  std::expected<RecordHeader, FdeFault> header(const CfiSection& section, uint64_t offset);

  std::expected<Fde, FdeFault> fde(const CfiSection& section, const RecordHeader& header,
                                   bool with_instructions);

private:
  // CIEs read last, found by their place. Linkers leave a handful, each used by many FDEs.
  static constexpr size_t kCieSlots = 256;
  struct CieSlot {
    const CfiSection* section = nullptr;
    uint64_t offset = 0;
    std::optional<Cie> cie; // none: malformed
  };

  const Cie* cie(const CfiSection& section, uint64_t offset);
  std::optional<Cie> parse_cie(const CfiSection& section, uint64_t offset);
  std::optional<uint64_t> fde_start(Cursor& cursor, const Cie& cie, const PointerBase& base) const;

  const ByteSource* source_;
  const ElfImage* image_;
  const Architecture* architecture_;
  SectionBytes bytes_;
  std::vector<CieSlot> cies_;
};

} // namespace pprofd::symbolizer::cfi
