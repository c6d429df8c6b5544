// A tiny assembler of call frame information and of the ELF files around it, for tests. What it
// writes may be as wrong as a test wants it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/unwind/rows.h"
#include "tests/unit/symbolizer/support/bytes.h"

namespace pprofd::symbolizer::test {

// Call frame instructions, DWARF 5 table 6.9 ... as bytes.
namespace cfa {
Bytes advance(uint8_t delta); // at most 63
Bytes offset(uint8_t reg, uint64_t factored);
Bytes restore(uint8_t reg);
Bytes set_loc(const Bytes& pointer);
Bytes advance1(uint8_t delta);
Bytes advance2(uint16_t delta);
Bytes advance4(uint32_t delta);
Bytes advance8(uint64_t delta);
Bytes def(uint64_t reg, uint64_t offset);
Bytes def_register(uint64_t reg);
Bytes def_offset(uint64_t offset);
Bytes def_expression(const Bytes& block);
// Any other: opcode, then operands as they are.
Bytes op(uint8_t opcode, const Bytes& operands = {});
} // namespace cfa

// DW_OP_bregN offset
Bytes breg(uint8_t reg, int64_t offset);

struct Cie {
  uint8_t version = 1;
  std::string augmentation = "zR";
  uint64_t code_alignment = 1;
  int64_t data_alignment = -8;
  uint64_t return_address = 16;
  uint8_t encoding = 0x1b; // pcrel, sdata4
  Bytes augmentation_data = {0x1b};
  Bytes instructions = cfa::def(7, 8) + cfa::offset(16, 1); // as every x86-64 CIE has them
  bool dwarf64 = false;
  uint8_t address_size = 8; // version 4 of .debug_frame
};

// .eh_frame or .debug_frame. Records are padded with nops to 8 bytes.
class FrameSection {
public:
  explicit FrameSection(uint64_t address, bool debug = false) : address_(address), debug_(debug) {}

  // Offsets of the records.
  size_t cie(const Cie& cie);
  // Addresses are written in the CIE's encoding.
  size_t fde(size_t cie, uint64_t start, uint64_t range, const Bytes& instructions);
  size_t raw(const Bytes& bytes);

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] uint64_t address() const { return address_; }

private:
  size_t record(const Bytes& body, bool dwarf64);
  Bytes encoded(uint64_t value, uint8_t encoding, uint64_t place) const;

  uint64_t address_;
  bool debug_;
  Bytes bytes_;
  std::vector<std::pair<size_t, Cie>> cies_;
};

// An ELF file whose bytes stand in the file where they are loaded.
class Elf {
public:
  static constexpr uint64_t kText = 0x1000;
  static constexpr uint64_t kTextSize = 0x4000;
  static constexpr uint64_t kEhFrame = 0x10000;

  explicit Elf(uint16_t machine = 62) : machine_(machine) {}

  Elf& text(uint64_t address, const Bytes& code); // overwrites nops
  Elf& section(std::string_view name, const Bytes& bytes, uint64_t address, uint32_t type = 1,
               uint64_t flags = 2);
  Elf& segment(uint32_t type, uint64_t address, uint64_t size);
  Elf& without_sections();

  [[nodiscard]] Bytes build() const;

private:
  struct Section {
    std::string name;
    Bytes bytes;
    uint64_t address;
    uint32_t type;
    uint64_t flags;
  };
  struct Segment {
    uint32_t type;
    uint64_t address;
    uint64_t size;
  };

  uint16_t machine_;
  bool has_sections_ = true;
  std::vector<std::pair<uint64_t, Bytes>> code_;
  std::vector<Section> sections_;
  std::vector<Segment> segments_;
};

struct Compiled {
  std::vector<Row> rows;
  std::string text; // print_rows
  UnwindFacts facts;
};

// Fails the test where the file is refused.
Compiled compile(const Bytes& file, const RowOptions& options = {});
Compiled compile(const FrameSection& eh_frame, const RowOptions& options = {});

// A line as print_rows writes it.
std::string at(uint64_t address, std::string_view rest);

} // namespace pprofd::symbolizer::test
