// The tree that a flame graph grows in: functions and nodes, each once, in the order they were
// first seen. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "daemon/profile/entry_key.h"
#include "daemon/profile/flamegraph/flame_graph.h"

namespace pprofd {

// One function at one place of a stack.
struct StackFrame {
  int32_t function = 0;
  int64_t line = 0;
  bool inlined = false;
};

class StackTree {
public:
  explicit StackTree(size_t most_nodes);

  // The number of a function; equal ones have one.
  int32_t function(FlameFunction function);

  // The child of `parent` (0: the root) that is this frame, with `value` more at its line; -1 where
  // there is no room for another node.
  int32_t child(int32_t parent, const StackFrame& frame, int64_t value);

  FlameNode& node(int32_t index) { return nodes_[static_cast<size_t>(index)]; }

  [[nodiscard]] std::vector<FlameFunction> take_functions() { return std::move(functions_); }
  // In the order in which they were added, parents before children.
  [[nodiscard]] std::vector<FlameNode> take_nodes() { return std::move(nodes_); }

private:
  size_t most_nodes_;
  std::vector<FlameFunction> functions_;
  EntryIndex function_index_;
  EntryKey key_;
  std::vector<FlameNode> nodes_;
  // By how much a node's line is ahead of its other lines together (the majority vote of Boyer and
  // Moore).
  std::vector<int64_t> line_leads_;
  std::unordered_map<uint64_t, int32_t> children_;
};

} // namespace pprofd
