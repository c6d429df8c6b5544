// Call frame instructions: what a CIE and an FDE say about each address.
// Only the registers that a walk needs are followed: the CFA, the frame pointer, the return
// address, and the stack pointer where it is not the CFA.
// Source: DWARF 5, 6.4.2 and 7.24; the GNU and Arm extensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "symbolizer/elf/cursor.h"
#include "symbolizer/unwind/architecture.h"
#include "symbolizer/unwind/cfi/frame_state.h"
#include "symbolizer/unwind/cfi/rule.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::symbolizer::cfi {

// Runs instructions. Kept between FDEs for its memory.
class Program {
public:
  static constexpr size_t kMaxRemembered = 256;
  static constexpr size_t kMaxRows = size_t{1} << 20; // of one FDE

  struct StateRow {
    uint64_t address = 0;
    unwind_rule rule{};
    uint8_t unsupported = kNothingUnsupported;
  };

  explicit Program(const Architecture& architecture) : architecture_(&architecture) {}

  struct Input {
    uint64_t start = 0;
    uint64_t end = 0; // addresses; rows from here on are not kept
    std::span<const std::byte> instructions;
    uint64_t instructions_address = 0;
  };

  // The rows of an FDE, in rows(). kInstruction, kState, kLocation, kPointer or kTooLarge.
  std::expected<void, FdeFault> run(const Cie& cie, const Input& input);

  // Fills cie.initial.
  std::expected<void, FdeFault> run_initial(Cie& cie, std::span<const std::byte> instructions);

  [[nodiscard]] std::span<const StateRow> rows() const { return rows_; }
  // Of the last run: bits of all rows' Unsupported.
  [[nodiscard]] uint8_t unsupported() const { return unsupported_; }

private:
  // These return false where they found a fault, which then is in fault_.
  bool execute(Cursor cursor, uint64_t cursor_address);
  bool extended(uint8_t instruction, Cursor& cursor, uint64_t cursor_address);
  bool define_cfa(uint8_t instruction, Cursor& cursor);
  bool define_register(uint8_t instruction, Cursor& cursor);
  bool advance(uint64_t delta);
  bool set_location(Cursor& cursor, uint64_t cursor_address);
  bool move_to(uint64_t location);
  bool restore_state();
  bool remember_state();
  bool failed(FdeFault fault) {
    fault_ = fault;
    return false;
  }

  void set(uint64_t reg, const RegisterRule& rule);
  void restore(uint64_t reg);
  void set_factored(uint64_t reg, RegisterRule::Kind kind, int64_t factored);
  void emit();

  const Architecture* architecture_;
  const Cie* cie_ = nullptr;
  bool initial_ = false; // a CIE's instructions: there is no location
  uint64_t location_ = 0;
  uint64_t end_ = 0;
  uint8_t changed_ = 0; // since the last row
  uint8_t unsupported_ = kNothingUnsupported;
  FdeFault fault_ = FdeFault::kInstruction;
  FrameState state_;
  std::vector<FrameState> remembered_;
  std::vector<StateRow> rows_;
};

} // namespace pprofd::symbolizer::cfi
