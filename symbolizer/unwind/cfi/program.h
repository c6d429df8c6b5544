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

#include "symbolizer/unwind/architecture.h"
#include "symbolizer/unwind/cfi/cursor.h"
#include "symbolizer/unwind/cfi/expression.h"
#include "symbolizer/unwind/rows.h"

namespace pprofd::symbolizer::cfi {

struct CfaRule {
  enum class Kind : uint8_t { kNone, kRegister, kExpression };
  Kind kind = Kind::kNone;
  uint64_t reg = 0;
  int64_t offset = 0;
  Expression expression{};
};

struct RegisterRule {
  enum class Kind : uint8_t {
    kNone, // as the ABI has it
    kUndefined,
    kSameValue,
    kOffset, // at CFA + value
    kValueOffset,
    kRegister, // value is its number
    kExpression, // at the expression's value
    kOther,
  };
  Kind kind = Kind::kNone;
  int64_t value = 0;
  Expression expression{};
};

struct FrameState {
  CfaRule cfa;
  RegisterRule fp;
  RegisterRule return_address;
  RegisterRule sp;
  bool signed_return_address = false; // arm64: pointer authentication
};

struct Cie {
  bool has_augmentation_data = false; // 'z'
  bool signal_frame = false;          // 'S'
  uint8_t pointer_encoding = 0;
  uint8_t lsda_encoding = 0xff;
  uint8_t segment_size = 0;
  uint64_t code_alignment = 0;
  int64_t data_alignment = 0;
  uint64_t return_address = 0; // column
  FrameState initial;
};

// Parts of a state that no rule can express.
struct Unsupported {
  bool cfa = false;
  bool fp = false;
  bool return_address = false;
  bool sp = false;
};

unwind_rule rule_of(const FrameState& state, const Cie& cie, const Architecture& architecture,
                    Unsupported& unsupported);

// Runs instructions. Kept between FDEs for its memory.
class Program {
public:
  static constexpr size_t kMaxRemembered = 256;
  static constexpr size_t kMaxRows = size_t{1} << 20; // of one FDE

  struct StateRow {
    uint64_t address = 0;
    unwind_rule rule{};
    Unsupported unsupported;
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

private:
  using Done = std::expected<void, FdeFault>;

  Done execute(Cursor cursor, uint64_t cursor_address);
  Done extended(uint8_t instruction, Cursor& cursor, uint64_t cursor_address);
  Done define_cfa(uint8_t instruction, Cursor& cursor);
  Done advance(uint64_t delta);
  Done set_location(Cursor& cursor, uint64_t cursor_address);
  Done restore_state();
  Done remember_state();
  void set(uint64_t reg, const RegisterRule& rule);
  void restore(uint64_t reg);
  void set_factored(uint64_t reg, RegisterRule::Kind kind, int64_t factored);
  void emit();

  const Architecture* architecture_;
  const Cie* cie_ = nullptr;
  bool initial_ = false; // a CIE's instructions: there is no location
  uint64_t location_ = 0;
  uint64_t end_ = 0;
  bool changed_ = false;
  FrameState state_;
  std::vector<FrameState> remembered_;
  std::vector<StateRow> rows_;
};

} // namespace pprofd::symbolizer::cfi
