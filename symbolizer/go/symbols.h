// From an address of a Go program to its function, file, line and the functions inlined there, by
// what Go itself keeps in every program, stripped or not: the table of functions.
//
// All layouts since Go 1.2 are read; inlined functions since Go 1.9, their first lines since
// Go 1.20. Files are named as the compiler was told (-trimpath). Type arguments read `[...]`, as
// Go prints them.
//
// The file may be anybody's: reads are checked, memory is bounded, and so is the work for an
// address. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/go/function_table.h"
#include "symbolizer/go/inline_tree.h"

namespace pprofd::symbolizer::go {

// A function, inlined or not, at an address.
struct Frame {
  std::string name;
  std::string file;        // empty: not told, as of padding and of code that the linker made
  uint32_t line = 0;       // 0: not told; of a caller, where it calls
  uint32_t start_line = 0; // of the function; 0: not told
};

// `main.sum[...]` of `main.sum[go.shape.int]`.
std::string printed_name(std::string_view name);

class Symbols {
public:
  // Fails with the reason where the file has no table, or none that is read here. Both must outlive
  // this.
  static Result<Symbols> open(const ByteSource& source, const ElfImage& image);

  // What the instruction at `address` belongs to, the innermost function first; empty: it is not of
  // Go's functions. A return address is to be given less one.
  std::vector<Frame> find(ElfAddress address);

  // The table itself, for walks over all functions.
  FunctionTable& table() { return table_; }
  // What could not be used.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

private:
  Symbols(const ByteSource& source, const ElfImage& image, FunctionTable table);

  bool load(const TableEntry& entry);
  Frame frame_at(uint32_t name, uint32_t start_line, uint64_t offset);

  const ByteSource* source_;
  const ElfImage* image_;
  FunctionTable table_;
  std::vector<std::string> notes_;

  // The function that was asked for last.
  uint64_t loaded_ = UINT64_MAX; // its start
  Record record_;
  PcValues files_;
  PcValues lines_;
  PcValues calls_;
  InlineTree tree_;
};

} // namespace pprofd::symbolizer::go
