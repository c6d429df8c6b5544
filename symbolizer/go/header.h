// Where a file keeps Go's table of functions (pclntab), and how it is laid out. The table is in
// every program, stripped or not. It is found by its section, or where a linker has put it into
// another or the file has no sections, by its first bytes.
//
// Layouts are named by the release that brought them:
//   Go 1.2   one blob, offsets from its start; addresses of functions; a table of files
//   Go 1.16  parts of their own for names, files of a unit, files, numbers and functions
//   Go 1.18  functions by their offset from the text's start
//   Go 1.20  a function's first line
// Source: cmd/link/internal/ld/pcln.go and runtime/symtab.go of Go 1.2 to 1.27, debug/gosym.
#pragma once

#include <cstddef>
#include <cstdint>

#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer::go {

// Where no section tells: how much of a file is searched, and how much at once.
inline constexpr uint64_t kMaxScanned = 256ULL << 20;
inline constexpr size_t kScanChunk = size_t{256} << 10;

enum class Layout : uint8_t { kGo12, kGo116, kGo118, kGo120 };

struct Header {
  Layout layout = Layout::kGo120;
  uint32_t quantum = 1; // bytes of code that numbers of instructions count by
  ElfAddress address{}; // of the table
  FileRange place;      // of the table; not to its end where it was found without a section
  uint32_t functions = 0;
  ElfAddress text_word{}; // where the text's start stands, since Go 1.18

  // Offsets in the table: less than its size.
  uint64_t entries = 0; // (address, record) of each function
  uint64_t records = 0; // what records' offsets count from
  uint64_t names = 0;
  uint64_t units = 0; // files of each unit, since Go 1.16
  uint64_t files = 0; // names of files; until Go 1.15 offsets of such
  uint64_t numbers = 0;

  // Bytes of a number in `entries`.
  [[nodiscard]] uint64_t entry_size() const { return layout >= Layout::kGo118 ? 4 : 8; }
};

// Fails where there is no table, or none of 64 bits and little-endian.
Result<Header> find_header(const ByteSource& source, const ElfImage& image);

} // namespace pprofd::symbolizer::go
