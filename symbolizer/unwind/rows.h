// The row compiler: from an ELF file's call frame information to unwind rows, in address order.
//
// Read are .eh_frame (by section, or by PT_GNU_EH_FRAME where there is no section table) and, for
// addresses that it leaves out, .debug_frame. Nothing in the file is trusted: a malformed FDE costs
// that FDE and is counted; sizes, counts and depths are bounded. Memory is 12 bytes an FDE, the
// rows of one FDE at a time and a megabyte of buffers.
//
// A row holds from its address to the next row's; before the first row and behind the last there is
// nothing. Equal neighbours are one row, a gap row (UNWIND_CFA_NONE) stands where coverage ends.
// Of FDEs that overlap, the one that starts last holds from its start on and ends the other; of
// those that start together, .eh_frame's first in file order holds.
//
// Any thread; one call uses its source alone.
//
// Sources: DWARF 5, 6.4; LSB 5.0 Core, 10.6 (.eh_frame, .eh_frame_hdr); System V ABI x86-64, 3.6
// and 4.2.4; DWARF for the Arm 64-bit architecture (ABI 2024Q3).
#pragma once

#include <functional>
#include <span>

#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/facts.h"
#include "symbolizer/unwind/row.h"

namespace pprofd::symbolizer {

// Takes rows in address order, some at a time. The span is valid during the call.
using RowSink = std::function<void(std::span<const Row>)>;

// Fails where the machine is neither x86-64 nor arm64, and for relocatable files, which have no
// addresses yet. `image` is of `source`.
Result<UnwindFacts> compile_rows(const ByteSource& source, const ElfImage& image,
                                 const RowOptions& options, const RowSink& sink);

} // namespace pprofd::symbolizer
