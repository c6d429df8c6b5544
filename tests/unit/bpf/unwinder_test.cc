// The unwinder's own source, compiled for user space, on stacks made here.
#include <gtest/gtest.h>
#include <linux/types.h>

#include <array>
#include <cstring>
#include <map>
#include <vector>

#include "bpf/unwinder.h"

namespace {

// The target's memory: 8-byte words by address. Anything else can't be read.
using Memory = std::map<__u64, __u64>;
const Memory* memory = nullptr;

} // namespace

struct Host {
  unwind_state state;
  std::vector<__u64> frames;
};

long unwind_read(void* to, __u32 size, __u64 address) {
  for (__u32 at = 0; at < size; at += 8) {
    const auto word = memory->find(address + at);
    if (word == memory->end())
      return -14;
    std::memcpy(static_cast<char*>(to) + at, &word->second, 8);
  }
  return 0;
}

unwind_lookup unwind_find(unwind_state* /*state*/, __u64 /*pc*/, unwind_found* /*found*/) {
  return UNWIND_NO_UNWIND_INFO;
}

__u64* unwind_slot(unwind_state* state, __u32 index) {
  std::vector<__u64>& frames = reinterpret_cast<Host*>(state)->frames;
  return index < frames.size() ? &frames[index] : nullptr;
}

namespace {

constexpr __u64 kStack = 0x7ffc'0000'0000;

struct Walk {
  std::vector<__u64> words;
  pprofd_stack_end end;
};

Walk walk(const Memory& stack, __u64 ip, __u64 sp, __u64 fp) {
  memory = &stack;
  Host host{.state = {}, .frames = std::vector<__u64>(PPROFD_MAX_USER_FRAMES)};
  host.state.ip = ip;
  host.state.sp = sp;
  host.state.fp = fp;
  unwind_begin(&host.state);
  while (unwind_step(&host.state) == 0) {
  }
  host.frames.resize(host.state.frame_count);
  return {host.frames, static_cast<pprofd_stack_end>(host.state.end)};
}

__u64 heuristic(__u64 address) {
  return address | __u64{PPROFD_FRAME_NATIVE_HEURISTIC} << PPROFD_FRAME_KIND_SHIFT;
}

TEST(Unwinder, WalksFramePointersToTheRoot) {
  const Memory stack{
      {kStack, kStack + 64}, {kStack + 8, 0x401100}, {kStack + 64, 0}, {kStack + 72, 0x401200}};
  const Walk result = walk(stack, 0x401000, kStack - 32, kStack);
  EXPECT_EQ(result.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(result.words, (std::vector<__u64>{0x401000, heuristic(0x4010ff), heuristic(0x4011ff)}));
}

TEST(Unwinder, TakesAZeroForTheRootOnlyBehindAFrame) {
  const Memory stack{{kStack, kStack + 16}, {kStack + 8, 0}};
  EXPECT_EQ(walk(stack, 0x401000, kStack, kStack).end, PPROFD_STACK_NO_UNWIND_INFO);
}

TEST(Unwinder, RefusesAFramePointerBelowTheStackPointer) {
  const Walk result = walk({}, 0x401000, kStack, kStack - 8);
  EXPECT_EQ(result.end, PPROFD_STACK_NO_UNWIND_INFO);
  EXPECT_EQ(result.words.size(), 1U);
}

TEST(Unwinder, RefusesAnUnalignedOrKernelFramePointer) {
  EXPECT_EQ(walk({}, 0x401000, kStack, kStack + 4).end, PPROFD_STACK_NO_UNWIND_INFO);
  EXPECT_EQ(walk({}, 0x401000, kStack, 0xffff888000000000).end, PPROFD_STACK_NO_UNWIND_INFO);
}

TEST(Unwinder, DoesNotLoopOnAFrameThatPointsAtItself) {
  const Memory stack{{kStack, kStack}, {kStack + 8, 0x401100}};
  const Walk result = walk(stack, 0x401000, kStack, kStack);
  EXPECT_EQ(result.end, PPROFD_STACK_NO_UNWIND_INFO);
  EXPECT_EQ(result.words.size(), 2U);
}

TEST(Unwinder, SaysWhereMemoryCouldNotBeRead) {
  const Memory stack{{kStack, kStack + 4096}, {kStack + 8, 0x401100}};
  const Walk result = walk(stack, 0x401000, kStack, kStack);
  EXPECT_EQ(result.end, PPROFD_STACK_NO_UNWIND_INFO);
  EXPECT_EQ(result.words.size(), 2U);
}

TEST(Unwinder, RefusesAReturnAddressInTheKernel) {
  const Memory stack{{kStack, kStack + 64}, {kStack + 8, 0xffffffff81000000}};
  EXPECT_EQ(walk(stack, 0x401000, kStack, kStack).end, PPROFD_STACK_BAD_RETURN_ADDRESS);
}

TEST(Unwinder, StopsAtTheFrameLimitAndSaysSo) {
  Memory stack;
  for (__u64 frame = 0; frame < PPROFD_MAX_USER_FRAMES + 8; ++frame) {
    stack[kStack + frame * 16] = kStack + (frame + 1) * 16;
    stack[kStack + frame * 16 + 8] = 0x401000 + frame;
  }
  const Walk result = walk(stack, 0x401000, kStack, kStack);
  EXPECT_EQ(result.end, PPROFD_STACK_FRAME_LIMIT);
  EXPECT_EQ(result.words.size(), PPROFD_MAX_USER_FRAMES);
}

} // namespace
