// What the row compiler must know of an architecture. Register numbers are DWARF's.
// Sources: System V ABI x86-64, figure 3.36; DWARF for the Arm 64-bit architecture, table 1; the
// trampolines are those of signal(7)'s sigreturn: arch/x86 and arch/arm64 in Linux.
#pragma once

#include <elf.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace pprofd::symbolizer {

struct Architecture {
  uint16_t machine; // EM_*
  uint8_t sp;
  uint8_t fp;
  uint8_t return_address; // the column a CIE names
  uint8_t pc;             // as expressions name it
  // Without a rule the return address is still in the column's register; else the frame is the
  // outermost.
  bool return_address_in_register;
  // How far apart two rows may be that are merged: the length of a push or pop.
  uint8_t merge_distance;
  // The instructions of a signal trampoline.
  std::span<const uint8_t> trampoline;
  // Those to which the first function of a coroutine returns, libc's __start_context: its stack
  // ends there. Empty: not known.
  std::span<const uint8_t> context_start;
  uint8_t context_start_size;              // of the whole function
  std::span<const std::string_view> names; // of registers, by number
};

namespace architecture {

inline constexpr std::array<std::string_view, 17> kX86Names = {
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip"};
inline constexpr std::array<std::string_view, 32> kArmNames = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
    "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp"};
// mov $15,%rax; syscall
inline constexpr std::array<uint8_t, 9> kX86Trampoline = {0x48, 0xc7, 0xc0, 0x0f, 0,
                                                          0,    0,    0x0f, 0x05};
// mov %rbx,%rsp; mov (%rsp),%rdi; test %rdi,%rdi; je
inline constexpr std::array<uint8_t, 11> kX86ContextStart = {0x48, 0x89, 0xdc, 0x48, 0x8b, 0x3c,
                                                             0x24, 0x48, 0x85, 0xff, 0x74};
// mov x8,#139; svc #0
inline constexpr std::array<uint8_t, 8> kArmTrampoline = {0x68, 0x11, 0x80, 0xd2,
                                                          0x01, 0x00, 0x00, 0xd4};

inline constexpr Architecture kX86 = {.machine = EM_X86_64,
                                      .sp = 7,
                                      .fp = 6,
                                      .return_address = 16,
                                      .pc = 16,
                                      .return_address_in_register = false,
                                      .merge_distance = 2,
                                      .trampoline = kX86Trampoline,
                                      .context_start = kX86ContextStart,
                                      .context_start_size = 26,
                                      .names = kX86Names};
inline constexpr Architecture kArm = {.machine = EM_AARCH64,
                                      .sp = 31,
                                      .fp = 29,
                                      .return_address = 30,
                                      .pc = 32,
                                      .return_address_in_register = true,
                                      .merge_distance = 4,
                                      .trampoline = kArmTrampoline,
                                      .context_start = {},
                                      .context_start_size = 0,
                                      .names = kArmNames};

} // namespace architecture

// nullptr: not supported.
constexpr const Architecture* architecture_of(uint16_t machine) {
  if (machine == EM_X86_64)
    return &architecture::kX86;
  if (machine == EM_AARCH64)
    return &architecture::kArm;
  return nullptr;
}

} // namespace pprofd::symbolizer
