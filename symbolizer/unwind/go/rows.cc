#include "symbolizer/unwind/go/rows.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pprofd::symbolizer::go {
namespace {

constexpr int32_t kReturnAddress = -8; // from the CFA
constexpr int32_t kSavedFp = -16;
constexpr uint64_t kPushSize = 1; // push %rbp
constexpr uint64_t kMoveSize = 3; // mov %rsp,%rbp

// Also the names of assembly functions with their calling convention.
bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  if (name.ends_with(".abi0"))
    name.remove_suffix(5);
  return std::ranges::find(names, name) != names.end();
}

constexpr std::array<std::string_view, 5> kEnds = {
    "runtime.goexit", "runtime.mstart", "runtime.rt0_go", "_rt0_amd64", "_rt0_amd64_linux"};
constexpr std::array<std::string_view, 1> kLeavesGoroutine = {"runtime.mcall"};
constexpr std::array<std::string_view, 3> kInjected = {"runtime.asyncPreempt", "runtime.sigpanic",
                                                       "runtime.sigpanic0"};

unwind_rule rule_of(unwind_cfa cfa, int32_t offset, bool fp_saved, uint8_t flags = 0) {
  unwind_rule rule{};
  rule.cfa = static_cast<uint8_t>(cfa);
  rule.cfa_offset = offset;
  rule.ra_offset = kReturnAddress;
  rule.flags = flags;
  if (fp_saved) {
    rule.fp = UNWIND_FP_AT_CFA;
    rule.fp_offset = kSavedFp;
  }
  return rule;
}

unwind_rule end_of_stack() {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_SP;
  rule.ra = UNWIND_RA_UNDEFINED;
  rule.cfa_offset = 8;
  return rule;
}

unwind_rule unsupported() {
  unwind_rule rule{};
  rule.cfa = UNWIND_CFA_UNSUPPORTED;
  rule.ra_offset = kReturnAddress;
  return rule;
}

template <size_t N>
bool starts_with(std::span<const std::byte> code, const std::array<uint8_t, N>& wanted) {
  return code.size() >= N && std::equal(wanted.begin(), wanted.end(), code.begin(),
                                        [](uint8_t a, std::byte b) { return std::byte{a} == b; });
}

} // namespace

FunctionRows::FunctionRows(const ByteSource& source, const ElfImage& image) : bytes_(source) {
  for (const ElfSegment& segment : image.segments())
    if (segment.executable) {
      cfi::CfiSection code;
      code.offset = segment.offset;
      code.size = segment.file_size;
      code.address = segment.address;
      code_.push_back(std::move(code));
    }
}

std::span<const std::byte> FunctionRows::code_at(uint64_t address, size_t size) {
  for (const cfi::CfiSection& code : code_)
    if (address >= code.address.value && address - code.address.value < code.size)
      return bytes_.at(code, address - code.address.value, size);
  return {};
}

// Up to Go 1.20: sub $n,%rsp; mov %rbp,n-8(%rsp); lea n-8(%rsp),%rbp. Since then: push %rbp;
// mov %rsp,%rbp; sub $n,%rsp.
FunctionRows::Frame FunctionRows::frame_of(const Function& function) {
  constexpr std::array<uint8_t, kPushSize + kMoveSize> kPushAndMove = {0x55, 0x48, 0x89, 0xe5};
  constexpr std::array<uint8_t, 4> kSaveNear = {0x48, 0x89, 0x6c, 0x24};
  constexpr std::array<uint8_t, 4> kSaveFar = {0x48, 0x89, 0xac, 0x24};
  constexpr size_t kNear = 5; // bytes of the instructions
  constexpr size_t kFar = 8;
  const auto grown =
      std::ranges::find_if(function.pieces, [](const StackPiece& piece) { return piece.growth; });
  if (grown == function.pieces.end() || grown->start == function.start)
    return {};
  const auto code = code_at(grown->start - kPushSize, kPushSize + 2 * kFar);
  if (starts_with(code, kPushAndMove))
    return {.saved = grown->start, .set = grown->start + kMoveSize};
  if (code.empty())
    return {};
  const auto save = code.subspan(kPushSize);
  if (starts_with(save, kSaveNear))
    return {.saved = grown->start + kNear, .set = grown->start + 2 * kNear};
  if (starts_with(save, kSaveFar))
    return {.saved = grown->start + kFar, .set = grown->start + 2 * kFar};
  return {};
}

void FunctionRows::add(uint64_t address, const unwind_rule& rule) {
  rows_.push_back({.address = address, .rule = rule});
}

void FunctionRows::add_piece(const StackPiece& piece, const Frame& frame, uint8_t flags) {
  const int32_t cfa = piece.growth + 8;
  const bool saved = piece.growth != 0 && piece.end > frame.saved;
  if (saved && frame.saved > piece.start) {
    add(piece.start, rule_of(UNWIND_CFA_SP, cfa, false, flags));
    add(frame.saved, rule_of(UNWIND_CFA_SP, cfa, true, flags));
  } else {
    add(piece.start, rule_of(UNWIND_CFA_SP, cfa, saved, flags));
  }
}

// While rbp is set it is what holds, on whichever stack. `ends`: once the stack has grown beyond
// rbp's place it is another stack, where nobody called.
void FunctionRows::add_switching(const Function& function, const Frame& frame, bool ends) {
  if (frame.set == UINT64_MAX) {
    add(function.start, unsupported());
    return;
  }
  for (const StackPiece& piece : function.pieces) {
    if (piece.growth == 0) {
      add(piece.start, rule_of(UNWIND_CFA_SP, 8, false));
      continue;
    }
    if (ends && piece.growth > 8) {
      add(piece.start, end_of_stack());
      continue;
    }
    if (piece.start < frame.set)
      add_piece({.start = piece.start, .end = frame.set, .growth = piece.growth}, frame, 0);
    if (piece.end > frame.set)
      add(std::max(piece.start, frame.set), rule_of(UNWIND_CFA_FP, 16, true));
  }
}

std::span<const FunctionRows::FunctionRow> FunctionRows::of(const Function& function) {
  rows_.clear();
  if (function.pieces.empty()) {
    add(function.start, {});
    return rows_;
  }
  const Frame frame = frame_of(function);
  if (is_one_of(function.name, kEnds)) {
    add(function.start, end_of_stack());
  } else if (function.writes_sp) {
    add_switching(function, frame, is_one_of(function.name, kLeavesGoroutine));
  } else {
    const uint8_t flags =
        is_one_of(function.name, kInjected) ? uint8_t{UNWIND_RULE_SIGNAL_FRAME} : uint8_t{0};
    for (const StackPiece& piece : function.pieces)
      add_piece(piece, frame, flags);
  }
  return rows_;
}

} // namespace pprofd::symbolizer::go
