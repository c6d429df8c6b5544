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
  uint64_t start = 0; // addresses
  uint64_t end = 0;
  uint64_t rest = 0; // offset behind the addresses: augmentation data and instructions
};

// An FDE's instructions and what they need. Valid until the reader is used again.
struct FdeProgram {
  const Cie* cie = nullptr;
  std::span<const std::byte> instructions;
  uint64_t address = 0; // of the first instruction
};

class RecordReader {
public:
  // All must outlive this.
  RecordReader(const ByteSource& source, const ElfImage& image, const Architecture& architecture)
      : source_(&source), image_(&image), architecture_(&architecture), bytes_(source),
        cies_(kCieSlots) {}

  // The record at `offset`; fails with kRecord (its end then is unknown) or kTooLarge.
  std::expected<RecordHeader, FdeFault> header(const CfiSection& section, uint64_t offset);

  std::expected<Fde, FdeFault> fde(const CfiSection& section, const RecordHeader& header);
  std::expected<FdeProgram, FdeFault> program(const CfiSection& section, const RecordHeader& header,
                                              const Fde& fde);

private:
  // CIEs read last, found by their place. Linkers leave a handful, each used by many FDEs.
  static constexpr size_t kCieSlots = 64;
  struct CieSlot {
    const CfiSection* section = nullptr;
    uint64_t offset = 0;
    std::optional<Cie> cie; // none: malformed
  };

  const Cie* cie(const CfiSection& section, uint64_t offset);
  std::optional<Cie> parse_cie(const CfiSection& section, uint64_t offset);
  [[nodiscard]] std::optional<uint64_t> pointer_at(uint64_t address) const;

  const ByteSource* source_;
  const ElfImage* image_;
  const Architecture* architecture_;
  SectionBytes bytes_;
  std::vector<CieSlot> cies_;
};

} // namespace pprofd::symbolizer::cfi
