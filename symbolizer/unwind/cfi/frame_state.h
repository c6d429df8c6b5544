// What call frame instructions say about one address, before it is made a rule.
#pragma once

#include <cstdint>

namespace pprofd::symbolizer::cfi {

// Small, since it is copied for each FDE and each remembered state.
struct CfaRule {
  enum class Kind : uint8_t { kNone, kRegister, kDeref, kPlt, kOther };
  Kind kind = Kind::kNone;
  uint8_t base = 0;        // kDeref, kPlt: the expression's register
  uint8_t pc_register = 0; // kPlt
  // UINT16_MAX: a number that no register has. Kept while an expression holds: DW_CFA_def_cfa_…
  // go on from them, as libgcc and gdb have it.
  uint16_t reg = 0;
  int64_t offset = 0;
  int64_t inner = 0;  // kDeref, kPlt: the expression's offset
  int64_t addend = 0; // kDeref, kPlt: as in Expression
};

struct RegisterRule {
  enum class Kind : uint8_t {
    kNone, // as the ABI has it
    kUndefined,
    kSameValue,
    kOffset, // at CFA + value
    kValueOffset,
    kRegister,   // value is its number
    kAtRegister, // at base + value, by an expression
    kOther,
  };
  Kind kind = Kind::kNone;
  uint8_t base = 0;
  int64_t value = 0;
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

} // namespace pprofd::symbolizer::cfi
