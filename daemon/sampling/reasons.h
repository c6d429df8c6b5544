// The names under which the kernel side's reasons appear in profiles, metrics and summaries
// (samples.dropped.REASON, stacks.incomplete.REASON).
#pragma once

#include <linux/types.h>

#include <string_view>

#include "bpf/abi.h"

namespace pprofd {

// Is a stack with this end complete? A kernel thread's kernel-only stack is.
constexpr bool is_complete(pprofd_stack_end end) {
  return end == PPROFD_STACK_COMPLETE || end == PPROFD_STACK_NO_USER_STACK ||
         end == PPROFD_STACK_NOT_WANTED;
}

constexpr std::string_view stack_end_name(pprofd_stack_end end) {
  switch (end) {
  case PPROFD_STACK_COMPLETE:
    return "complete";
  case PPROFD_STACK_NO_USER_STACK:
    return "no_user_stack";
  case PPROFD_STACK_NOT_WANTED:
    return "not_wanted";
  case PPROFD_STACK_FRAME_LIMIT:
    return "frame_limit";
  case PPROFD_STACK_READ_FAILED:
    return "read_failed";
  case PPROFD_STACK_BAD_RETURN_ADDRESS:
    return "bad_return_address";
  case PPROFD_STACK_NO_MAPPING:
    return "no_mapping";
  case PPROFD_STACK_NO_ROW:
    return "no_row";
  case PPROFD_STACK_NO_UNWIND_INFO:
    return "no_unwind_info";
  case PPROFD_STACK_UNSUPPORTED_RULE:
    return "unsupported_rule";
  case PPROFD_STACK_UNKNOWN_REGISTER:
    return "unknown_register";
  case PPROFD_STACK_PENDING:
    return "unwind_rows_pending";
  case PPROFD_STACK_COPY_LIMIT:
    return "stack_copy_limit";
  case PPROFD_STACK_COMPAT:
    return "32_bit_process";
  case PPROFD_STACK_LOOP:
    return "loop";
  case PPROFD_STACK_KERNEL_LIMIT:
    return "kernel_frame_limit";
  case PPROFD_STACK_END_COUNT:
    break;
  }
  return "unknown";
}

// Why a sample that was taken is in no profile.
enum class DropReason {
  kRingFull,  // the reader was too slow for the ring buffer
  kNoScratch, // no per-CPU buffer in the kernel
  kMalformed, // a record that does not fit the ABI
  kTableFull, // the aggregator's memory limit
  kCount
};

constexpr std::string_view drop_reason_name(DropReason reason) {
  switch (reason) {
  case DropReason::kRingFull:
    return "ring_full";
  case DropReason::kNoScratch:
    return "no_scratch";
  case DropReason::kMalformed:
    return "malformed_record";
  case DropReason::kTableFull:
    return "table_full";
  case DropReason::kCount:
    break;
  }
  return "unknown";
}

} // namespace pprofd
