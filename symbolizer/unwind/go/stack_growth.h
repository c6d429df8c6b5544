// How far the stack of each of Go's functions has grown at each address, by Go's own table: it is
// in every program, stripped or not. Of programs since Go 1.18; older ones are walked by frame
// pointers.
//
// The file may be anybody's: everything is checked, memory is bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/go/function_table.h"

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

class StackGrowth {
public:
  // nullopt: no table, or none that is read here. Both must outlive this.
  static std::optional<StackGrowth> open(const ByteSource& source, const ElfImage& image);

  [[nodiscard]] uint32_t size() const { return table_.size(); }
  // Where the functions stand.
  [[nodiscard]] AddressRange text() const { return table_.text(); }

  // The function at `index`, in address order; false where it is malformed.
  bool read(uint32_t index, Function& function);

private:
  explicit StackGrowth(FunctionTable table) : table_(std::move(table)) {}

  bool read_pieces(uint32_t offset, Function& function);

  FunctionTable table_;
};

} // namespace pprofd::symbolizer::go
