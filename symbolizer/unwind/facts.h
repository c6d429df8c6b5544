// What the row compiler says of a file beside its rows. Plain data for both sides of the worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"

namespace pprofd::symbolizer {

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
inline constexpr size_t kGoFunctions = 7;
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

} // namespace pprofd::symbolizer
