#include "daemon/profile/flamegraph/stack_tree.h"

#include <utility>

#include "daemon/profile/saturating.h"

namespace pprofd {

namespace {

uint64_t child_key(int32_t parent, const StackFrame& frame) {
  return uint64_t{static_cast<uint32_t>(parent)} << 33 |
         uint64_t{static_cast<uint32_t>(frame.function)} << 1 | (frame.inlined ? 1 : 0);
}

} // namespace

StackTree::StackTree(size_t most_nodes) : most_nodes_(most_nodes), nodes_(1), line_leads_(1) {}

int32_t StackTree::function(FlameFunction function) {
  key_.clear();
  key_.text(function.name).text(function.file).text(function.mapping);
  key_.number(uint64_t{function.process});
  const auto [index, added] = function_index_.find_or_add(key_, functions_.size());
  if (added)
    functions_.push_back(std::move(function));
  return static_cast<int32_t>(index);
}

int32_t StackTree::child(int32_t parent, const StackFrame& frame, int64_t value) {
  const uint64_t key = child_key(parent, frame);
  auto found = children_.find(key);
  if (found == children_.end()) {
    if (nodes_.size() >= most_nodes_)
      return -1;
    found = children_.emplace(key, static_cast<int32_t>(nodes_.size())).first;
    nodes_.push_back({.parent = parent,
                      .function = frame.function,
                      .line = frame.line,
                      .inlined = frame.inlined,
                      .now = {},
                      .base = {}});
    line_leads_.push_back(0);
  }
  const auto index = static_cast<size_t>(found->second);
  int64_t& lead = line_leads_[index];
  if (nodes_[index].line == frame.line) {
    lead = saturating_add(lead, value);
  } else if (lead >= value) {
    lead -= value;
  } else {
    nodes_[index].line = frame.line;
    lead = value - lead;
  }
  return found->second;
}

} // namespace pprofd
