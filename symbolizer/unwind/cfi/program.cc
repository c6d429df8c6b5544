#include "symbolizer/unwind/cfi/program.h"

#include <optional>
#include <utility>

#include "symbolizer/unwind/cfi/expression.h"
#include "symbolizer/unwind/cfi/pointer.h"

namespace pprofd::symbolizer::cfi {
namespace {

enum Instruction : uint8_t {
  kAdvanceLoc = 0x40, // the low six bits are the operand
  kOffset = 0x80,
  kRestore = 0xc0,
  kPrimaryMask = 0xc0,
  kOperandMask = 0x3f,
  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kAdvanceLoc8 = 0x1d,         // MIPS, which gas writes for others too
  kNegateRaStateWithPc = 0x2c, // arm64
  kNegateRaState = 0x2d,       // arm64; GNU_window_save elsewhere
  kGnuArgsSize = 0x2e,
  kGnuNegativeOffsetExtended = 0x2f,
};

enum Change : uint8_t {
  kChangedCfa = 1 << 0,
  kChangedRegisters = 1 << 1,
  kChangedAll = kChangedCfa | kChangedRegisters,
};

uint16_t small_register(uint64_t reg) {
  return reg < UINT16_MAX ? static_cast<uint16_t>(reg) : UINT16_MAX;
}

void set_expression(const Expression& expression, CfaRule& cfa) {
  cfa.kind = CfaRule::Kind::kOther;
  if (expression.shape == ExpressionShape::kPlt)
    cfa.kind = CfaRule::Kind::kPlt;
  else if (expression.shape == ExpressionShape::kDeref)
    cfa.kind = CfaRule::Kind::kDeref;
  cfa.base = expression.reg;
  cfa.pc_register = expression.pc_register;
  cfa.inner = expression.offset;
  cfa.addend = expression.addend;
}

RegisterRule register_of(const Expression& expression) {
  if (expression.shape != ExpressionShape::kRegister)
    return {.kind = RegisterRule::Kind::kOther};
  return {
      .kind = RegisterRule::Kind::kAtRegister, .base = expression.reg, .value = expression.offset};
}

} // namespace

std::expected<void, FdeFault> Program::run(const Cie& cie, const Input& input) {
  cie_ = &cie;
  initial_ = false;
  location_ = input.start;
  end_ = input.end;
  state_ = cie.initial;
  changed_ = kChangedAll;
  unsupported_ = kNothingUnsupported;
  rows_.clear();
  if (!execute(Cursor(input.instructions), input.instructions_address))
    return std::unexpected(fault_);
  if (location_ < end_)
    emit();
  return {};
}

std::expected<void, FdeFault> Program::run_initial(Cie& cie,
                                                   std::span<const std::byte> instructions) {
  cie_ = &cie;
  initial_ = true;
  state_ = {};
  cie.initial = {};
  if (!execute(Cursor(instructions), 0))
    return std::unexpected(fault_);
  cie.initial = state_;
  return {};
}

bool Program::execute(Cursor cursor, uint64_t cursor_address) {
  remembered_.clear();
  while (!cursor.at_end()) {
    const uint8_t instruction = cursor.u8();
    const uint8_t operand = instruction & kOperandMask;
    bool done = true;
    switch (instruction & kPrimaryMask) {
    case kAdvanceLoc:
      done = advance(operand);
      break;
    case kOffset:
      set_factored(operand, RegisterRule::Kind::kOffset, static_cast<int64_t>(cursor.uleb()));
      break;
    case kRestore:
      restore(operand);
      break;
    default:
      // The usual ones first.
      if (instruction == kNop)
        continue;
      if (instruction == kDefCfaOffset) {
        changed_ |= kChangedCfa;
        state_.cfa.offset = static_cast<int64_t>(cursor.uleb());
      } else if (instruction == kAdvanceLoc1) {
        done = advance(cursor.u8());
      } else {
        done = extended(instruction, cursor, cursor_address);
      }
    }
    if (!done)
      return false;
    if (cursor.failed())
      return failed(FdeFault::kInstruction);
  }
  return true;
}

bool Program::extended(uint8_t instruction, Cursor& cursor, uint64_t cursor_address) {
  switch (instruction) {
  case kSetLoc:
    return set_location(cursor, cursor_address);
  case kAdvanceLoc2:
    return advance(cursor.read<uint16_t>());
  case kAdvanceLoc4:
    return advance(cursor.read<uint32_t>());
  case kAdvanceLoc8:
    return advance(cursor.read<uint64_t>());
  case kDefCfa:
  case kDefCfaSf:
  case kDefCfaRegister:
  case kDefCfaOffsetSf:
  case kDefCfaExpression:
    return define_cfa(instruction, cursor);
  case kRememberState:
    return remember_state();
  case kRestoreState:
    return restore_state();
  case kGnuArgsSize:
    cursor.uleb();
    return true;
  case kNegateRaStateWithPc:
  case kNegateRaState:
    if (architecture_->machine != EM_AARCH64)
      // GNU_window_save, which SPARC alone acts on; the other one is nothing elsewhere.
      return instruction == kNegateRaState || failed(FdeFault::kInstruction);
    state_.signed_return_address = !state_.signed_return_address;
    changed_ = kChangedAll;
    return true;
  default:
    return define_register(instruction, cursor);
  }
}

// Instructions about one register, which comes first.
bool Program::define_register(uint8_t instruction, Cursor& cursor) {
  using Kind = RegisterRule::Kind;
  const uint64_t reg = cursor.uleb();
  switch (instruction) {
  case kOffsetExtended:
    set_factored(reg, Kind::kOffset, static_cast<int64_t>(cursor.uleb()));
    return true;
  case kOffsetExtendedSf:
    set_factored(reg, Kind::kOffset, cursor.sleb());
    return true;
  case kGnuNegativeOffsetExtended:
    set_factored(reg, Kind::kOffset, static_cast<int64_t>(0 - cursor.uleb()));
    return true;
  case kValOffset:
    set_factored(reg, Kind::kValueOffset, static_cast<int64_t>(cursor.uleb()));
    return true;
  case kValOffsetSf:
    set_factored(reg, Kind::kValueOffset, cursor.sleb());
    return true;
  case kRestoreExtended:
    restore(reg);
    return true;
  case kUndefined:
    set(reg, {.kind = Kind::kUndefined});
    return true;
  case kSameValue:
    set(reg, {.kind = Kind::kSameValue});
    return true;
  case kRegister:
    set(reg, {.kind = Kind::kRegister, .value = static_cast<int64_t>(cursor.uleb())});
    return true;
  case kExpression:
    set(reg, register_of(match_expression(cursor.bytes(cursor.uleb()))));
    return true;
  case kValExpression:
    cursor.skip(cursor.uleb());
    set(reg, {.kind = Kind::kOther});
    return true;
  default:
    return failed(FdeFault::kInstruction);
  }
}

bool Program::define_cfa(uint8_t instruction, Cursor& cursor) {
  CfaRule& cfa = state_.cfa;
  changed_ |= kChangedCfa;
  if (instruction == kDefCfaExpression) {
    set_expression(match_expression(cursor.bytes(cursor.uleb())), cfa);
    return true;
  }
  if (instruction != kDefCfaOffsetSf) {
    cfa.kind = CfaRule::Kind::kRegister;
    cfa.reg = small_register(cursor.uleb());
  }
  if (instruction == kDefCfa)
    cfa.offset = static_cast<int64_t>(cursor.uleb());
  else if (instruction != kDefCfaRegister &&
           __builtin_mul_overflow(cursor.sleb(), cie_->data_alignment, &cfa.offset))
    return failed(FdeFault::kInstruction);
  return true;
}

bool Program::advance(uint64_t delta) {
  uint64_t bytes = 0;
  uint64_t next = 0;
  if (__builtin_mul_overflow(delta, cie_->code_alignment, &bytes) ||
      __builtin_add_overflow(location_, bytes, &next))
    return failed(FdeFault::kLocation);
  return move_to(next);
}

bool Program::set_location(Cursor& cursor, uint64_t cursor_address) {
  const PointerBase base{.cursor_start = cursor_address, .function = location_};
  const auto next = read_pointer(cursor, cie_->pointer_encoding, base);
  if (!next || is_indirect(cie_->pointer_encoding))
    return failed(FdeFault::kPointer);
  return *next >= location_ ? move_to(*next) : failed(FdeFault::kLocation);
}

bool Program::move_to(uint64_t location) {
  if (initial_)
    return failed(FdeFault::kLocation);
  if (location != location_ && changed_ != 0 && location_ < end_) {
    if (rows_.size() >= kMaxRows)
      return failed(FdeFault::kTooLarge);
    emit();
  }
  location_ = location;
  return true;
}

bool Program::remember_state() {
  if (remembered_.size() >= kMaxRemembered)
    return failed(FdeFault::kState);
  remembered_.push_back(state_);
  return true;
}

bool Program::restore_state() {
  if (remembered_.empty())
    return failed(FdeFault::kState);
  state_ = remembered_.back();
  remembered_.pop_back();
  changed_ = kChangedAll;
  return true;
}

void Program::set(uint64_t reg, const RegisterRule& rule) {
  if (reg == architecture_->fp)
    state_.fp = rule;
  if (reg == architecture_->sp)
    state_.sp = rule;
  if (reg == cie_->return_address)
    state_.return_address = rule;
  changed_ |= kChangedRegisters;
}

void Program::restore(uint64_t reg) {
  if (reg == architecture_->fp)
    state_.fp = cie_->initial.fp;
  if (reg == architecture_->sp)
    state_.sp = cie_->initial.sp;
  if (reg == cie_->return_address)
    state_.return_address = cie_->initial.return_address;
  changed_ |= kChangedRegisters;
}

void Program::set_factored(uint64_t reg, RegisterRule::Kind kind, int64_t factored) {
  if (reg != architecture_->fp && reg != architecture_->sp && reg != cie_->return_address)
    return;
  int64_t value = 0;
  if (__builtin_mul_overflow(factored, cie_->data_alignment, &value))
    set(reg, {.kind = RegisterRule::Kind::kOther});
  else
    set(reg, {.kind = kind, .value = value});
}

void Program::emit() {
  const bool only_cfa = changed_ == kChangedCfa && unsupported_ == kNothingUnsupported &&
                        !rows_.empty() && state_.cfa.kind == CfaRule::Kind::kRegister &&
                        state_.sp.kind == RegisterRule::Kind::kNone && !cie_->signal_frame;
  changed_ = 0;
  StateRow& row = rows_.emplace_back();
  row.address = location_;
  if (only_cfa) {
    // Most rows: the one before with another CFA.
    row.rule = rows_[rows_.size() - 2].rule;
    row.rule.cfa_register = 0;
    row.rule.deref_offset = 0;
    if (set_cfa_register(state_.cfa, *architecture_, row.rule))
      return;
  }
  row.unsupported = make_rule(state_, *cie_, *architecture_, row.rule);
  unsupported_ |= row.unsupported;
}

} // namespace pprofd::symbolizer::cfi
