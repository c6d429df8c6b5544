// One unwind row, and how rows are made. Plain data for both sides of the worker.
#pragma once

#include <linux/types.h>

#include <cstdint>

#include "bpf/unwind_rule.h"
#include "symbolizer/base/address.h"

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

// As the unwinder's tables have them.
inline constexpr RowOptions kTableRows{.merge_pairs = true, .padding = 15, .beyond_cfi = true};

} // namespace pprofd::symbolizer
