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

#include <linux/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/unwind_rule.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer {

struct Row {
  ElfAddress address;
  unwind_rule rule{};
};

// Field by field; a rule's unused fields are 0.
bool operator==(const Row& a, const Row& b);

struct RowOptions {
  // Two rows one push or pop apart become one, see unwind_rule.h.
  bool merge_pairs = true;
  // Gaps of at most so many bytes get no row: the row before them holds on. What is there between
  // functions is padding that nothing executes. 15 suits tables, 0 is exact.
  uint32_t padding = 0;
  // Rows too for code whose frames are known without call frame information: where a program starts
  // and where coroutines end (nobody called), linkage stubs, Go's functions.
  bool beyond_cfi = true;
};

// Why an FDE was left out.
enum class FdeFault : uint8_t {
  kRecord,      // its length or id is impossible
  kCie,         // its CIE is malformed or is none
  kPointer,     // a pointer's encoding is unknown or leads nowhere
  kRange,       // it reaches around the end of the address space
  kInstruction, // an unknown or truncated call frame instruction
  kState,       // restore without remember, or too many remembered
  kLocation,    // a location that goes back or overflows
  kTooLarge,    // more bytes or rows than are read
};
inline constexpr size_t kFdeFaults = 8;
std::string_view name_of(FdeFault fault); // "instruction", …

// Functions of Go's runtime where stacks end or switch.
enum class GoFunction : uint8_t {
  kGoexit,
  kMstart,
  kRt0Go,
  kRt0, // _rt0_amd64_linux …: the process's first instructions
  kAsmcgocall,
  kSystemstack,
  kMcall,
};
std::string_view name_of(GoFunction function);

struct GoSymbol {
  GoFunction function = GoFunction::kGoexit;
  ElfAddress start;
  uint64_t size = 0;
};

struct GoFacts {
  // Of .symtab; empty where it was stripped. In address order.
  std::vector<GoSymbol> functions;
};

// What was found beside the rows.
struct UnwindFacts {
  uint64_t eh_frame_bytes = 0;
  uint64_t debug_frame_bytes = 0; // inflated
  uint64_t fdes = 0;              // well-formed ones, by their header
  std::array<uint64_t, kFdeFaults> malformed{};
  uint64_t empty = 0;        // FDEs without a single address
  uint64_t outside_code = 0; // FDEs of code that is not in the file: what a linker dropped
  uint64_t overlapping = 0;  // FDEs hidden or cut by another
  uint64_t rows_decoded = 0; // as the FDEs state them
  uint64_t rows = 0;         // after clean-up, gap rows included
  uint64_t gaps = 0;
  uint64_t merged_pairs = 0;
  // Decoded rows with something the unwinder can't apply; more than one may hold for a row.
  uint64_t unsupported_cfa = 0;
  uint64_t unsupported_fp = 0;
  uint64_t unsupported_ra = 0;
  uint64_t unsupported_sp = 0;     // the caller's sp is not the CFA; the row counts as without CFA
  uint64_t go_functions = 0;       // with rows from Go's own table
  uint64_t signal_trampolines = 0; // found by their instructions, outside of 'S' FDEs
  AddressRange text;               // from the first byte of code to the last
  std::optional<GoFacts> go;       // Go wrote this file
  std::vector<std::string> notes;  // what could not be used and why, one sentence each

  // Without it, stacks through this file are walked by frame pointers.
  [[nodiscard]] bool has_unwind_information() const { return fdes != 0 || go_functions != 0; }
  [[nodiscard]] uint64_t malformed_total() const;
};

// Takes rows in address order, some at a time. The span is valid during the call.
using RowSink = std::function<void(std::span<const Row>)>;

// Fails where the machine is neither x86-64 nor arm64, and for relocatable files, which have no
// addresses yet. `image` is of `source`.
Result<UnwindFacts> compile_rows(const ByteSource& source, const ElfImage& image,
                                 const RowOptions& options, const RowSink& sink);

} // namespace pprofd::symbolizer
