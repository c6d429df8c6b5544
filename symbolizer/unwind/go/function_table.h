// Go's own table of functions, .gopclntab: it is in every program, stripped or not, and says for
// each address how far the stack has grown. Source: runtime/symtab.go and
// cmd/link/internal/ld/pcln.go of Go 1.18 to 1.26. Older tables are not read: their programs are
// walked by frame pointers.
//
// The file may be anybody's: everything is checked, memory is a few windows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/cfi/section_bytes.h"

namespace pprofd::symbolizer::go {

// From `start` to `end` sp is `growth` bytes below where it was when the function was entered.
struct StackPiece {
  uint64_t start = 0;
  uint64_t end = 0;
  int32_t growth = 0;
};

struct Function {
  uint64_t start = 0;
  uint64_t end = 0;
  std::string name;       // only of functions that are special in some way
  bool writes_sp = false; // sets sp by other means than addition: growth may be of another stack
  std::vector<StackPiece> pieces; // ascending, of positive size; empty: not told
};

class FunctionTable {
public:
  // nullopt: no table, or none that is read here. Both must outlive the table.
  static std::optional<FunctionTable> open(const ByteSource& source, const ElfImage& image);

  [[nodiscard]] uint32_t size() const { return functions_; }
  // Where the functions stand.
  [[nodiscard]] AddressRange text() const { return text_; }

  // The function at `index`, in address order; false where it is malformed.
  bool read(uint32_t index, Function& function);

private:
  explicit FunctionTable(const ByteSource& source) : bytes_(source) {}

  bool read_header(const ByteSource& source, const ElfImage& image);
  [[nodiscard]] std::optional<uint32_t> word(uint64_t offset);
  bool read_name(uint64_t offset, std::string& name);
  bool read_pieces(uint64_t offset, Function& function);

  cfi::SectionBytes bytes_;
  cfi::CfiSection section_;
  uint32_t functions_ = 0;
  uint32_t quantum_ = 1;
  uint32_t special_ = 0; // where in a function's record its id and flags stand
  uint64_t names_ = 0;
  uint64_t numbers_ = 0; // offsets in the section
  uint64_t records_ = 0;
  AddressRange text_;
};

} // namespace pprofd::symbolizer::go
