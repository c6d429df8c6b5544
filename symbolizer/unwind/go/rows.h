// Rows of Go's functions, x86-64, from Go's own table. They hold what its call frame information
// leaves out: where the caller's frame pointer is, where stacks end, and where they are switched.
//
// A function that pushes rbp first has it below its return address for as long as its stack has
// grown. Functions of the runtime that run on another stack than their caller (systemstack,
// asmcgocall, cgocallback, vDSO calls) keep rbp, so that it leads back: there the CFA is rbp's.
// A stack ends at goexit, mstart and the program's entry; and in mcall once it has switched, as the
// scheduler was not called by the goroutine that it left. Below asyncPreempt and sigpanic the pc is
// that of an interrupted instruction. Functions that replace the stack pointer and have no frame
// (gogo, morestack) can't be crossed.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bpf/unwind_rule.h"
#include "symbolizer/unwind/cfi/section_bytes.h"
#include "symbolizer/unwind/go/stack_growth.h"

namespace pprofd::symbolizer::go {

class FunctionRows {
public:
  // `source` must outlive this.
  FunctionRows(const ByteSource& source, const ElfImage& image);

  struct FunctionRow {
    uint64_t address = 0;
    unwind_rule rule{}; // UNWIND_CFA_NONE: not known from here on
  };
  // Ascending; the last holds to the function's end. Valid until the next call.
  std::span<const FunctionRow> of(const Function& function);

private:
  // How a function sets up its frame.
  struct Frame {
    uint64_t saved = UINT64_MAX; // from here on rbp is saved below the return address,
    uint64_t set = UINT64_MAX;   // and from here on it points there
  };

  std::span<const std::byte> code_at(uint64_t address, size_t size);
  Frame frame_of(const Function& function);
  void add(uint64_t address, const unwind_rule& rule);
  void add_piece(const StackPiece& piece, const Frame& frame, uint8_t flags);
  void add_switching(const Function& function, const Frame& frame, bool ends);

  cfi::SectionBytes bytes_;
  std::vector<cfi::CfiSection> code_;
  std::vector<FunctionRow> rows_;
};

} // namespace pprofd::symbolizer::go
