#include "daemon/profile/flamegraph/arrange.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <ranges>
#include <tuple>
#include <utility>

#include "daemon/profile/saturating.h"

namespace pprofd {

namespace {

void add(FlameValue& sum, const FlameValue& value) {
  sum.total = saturating_add(sum.total, value.total);
  sum.self = saturating_add(sum.self, value.self);
}

double share(int64_t value, int64_t total) {
  return total > 0 ? static_cast<double>(value) / static_cast<double>(total) : 0;
}

// Of the side where a node is the larger.
double share(const FlameNode& node, const FlameNode& root) {
  return std::max(share(node.now.total, root.now.total), share(node.base.total, root.base.total));
}

// The share from which on nodes are kept: as few as fit.
double least_share(const std::vector<FlameNode>& nodes, const FlameLimits& limits) {
  std::vector<double> shares;
  for (const FlameNode& node : nodes)
    if (const double own = share(node, nodes.front()); own >= limits.min_share)
      shares.push_back(own);
  if (shares.size() <= limits.nodes)
    return limits.min_share;
  const auto first_left_out = shares.begin() + static_cast<std::ptrdiff_t>(limits.nodes);
  std::ranges::nth_element(shares, first_left_out, std::greater());
  return std::nextafter(*first_left_out, 2.0);
}

// A child has no larger share than its parent, so that whoever is kept has kept parents.
class Pruner {
public:
  Pruner(FlameGraph& graph, double least) : graph_(graph), least_(least) {}

  void run() {
    const std::vector<FlameNode> all = std::exchange(graph_.nodes, {});
    places_.resize(all.size(), -1);
    others_.resize(all.size(), -1);
    for (size_t i = 0; i < all.size(); i++) {
      const int32_t parent = all[i].parent;
      const int32_t place = parent < 0 ? -1 : places_[static_cast<size_t>(parent)];
      if (parent < 0 || share(all[i], all.front()) >= least_)
        places_[i] = append(all[i], place);
      else if (place >= 0)
        add_to_others(all[i], place, others_[static_cast<size_t>(parent)]);
    }
  }

private:
  int32_t append(FlameNode node, int32_t parent) {
    node.parent = parent;
    graph_.nodes.push_back(node);
    return static_cast<int32_t>(graph_.nodes.size() - 1);
  }

  void add_to_others(const FlameNode& node, int32_t parent, int32_t& other) {
    if (other < 0) {
      if (function_ < 0) {
        function_ = static_cast<int32_t>(graph_.functions.size());
        graph_.functions.push_back({.name = kOtherFunctions, .file = {}, .mapping = {}});
      }
      FlameNode sum;
      sum.function = function_;
      other = append(sum, parent);
    }
    // All of it ends here: what is below is left out.
    FlameNode& sum = graph_.nodes[static_cast<size_t>(other)];
    add(sum.now, {node.now.total, node.now.total});
    add(sum.base, {node.base.total, node.base.total});
  }

  FlameGraph& graph_;
  double least_;
  int32_t function_ = -1;       // "(other)"
  std::vector<int32_t> places_; // by old position: the new one
  std::vector<int32_t> others_; // by old position: the node of what was left out below it
};

void drop_unused_functions(FlameGraph& graph) {
  std::vector<int32_t> places(graph.functions.size(), -1);
  std::vector<FlameFunction> used;
  for (FlameNode& node : graph.nodes) {
    if (node.function < 0)
      continue;
    int32_t& place = places[static_cast<size_t>(node.function)];
    if (place < 0) {
      place = static_cast<int32_t>(used.size());
      used.push_back(std::move(graph.functions[static_cast<size_t>(node.function)]));
    }
    node.function = place;
  }
  graph.functions = std::move(used);
}

// By function: its place among all, by name.
std::vector<size_t> ranks_by_name(const std::vector<FlameFunction>& functions) {
  std::vector<size_t> order;
  order.reserve(functions.size());
  for (size_t i = 0; i < functions.size(); i++)
    order.push_back(i);
  std::ranges::sort(order, {}, [&](size_t i) {
    const FlameFunction& function = functions[i];
    return std::tie(function.name, function.mapping, function.file, function.process);
  });
  std::vector<size_t> ranks(functions.size());
  for (size_t i = 0; i < order.size(); i++)
    ranks[order[i]] = i;
  return ranks;
}

// The nodes but the root, children of one parent together, the last name first.
std::vector<int32_t> by_parent(const FlameGraph& graph) {
  const std::vector<size_t> ranks = ranks_by_name(graph.functions);
  const auto numbers = std::views::iota(1, static_cast<int32_t>(graph.nodes.size()));
  std::vector<int32_t> order(numbers.begin(), numbers.end());
  std::ranges::sort(order, std::greater(), [&](int32_t i) {
    const FlameNode& node = graph.nodes[static_cast<size_t>(i)];
    return std::tuple(node.parent, ranks[static_cast<size_t>(node.function)], node.inlined);
  });
  return order;
}

} // namespace

void sum_up(std::vector<FlameNode>& nodes) {
  for (size_t i = nodes.size(); i-- > 0;) {
    FlameNode& node = nodes[i];
    node.now.total = saturating_add(node.now.total, node.now.self);
    node.base.total = saturating_add(node.base.total, node.base.self);
    if (node.parent < 0)
      continue;
    FlameNode& parent = nodes[static_cast<size_t>(node.parent)];
    add(parent.now, {node.now.total, 0});
    add(parent.base, {node.base.total, 0});
  }
}

void add_up_small_nodes(FlameGraph& graph, const FlameLimits& limits) {
  if (graph.nodes.size() > limits.nodes)
    Pruner(graph, least_share(graph.nodes, limits)).run();
  drop_unused_functions(graph);
}

void sort_nodes(FlameGraph& graph) {
  const std::vector<int32_t> order = by_parent(graph);
  // Where each node's children begin and end in `order`.
  std::vector<std::pair<size_t, size_t>> children(graph.nodes.size());
  for (size_t i = 0; i < order.size(); i++) {
    const auto parent = static_cast<size_t>(graph.nodes[static_cast<size_t>(order[i])].parent);
    if (children[parent].second == 0)
      children[parent].first = i;
    children[parent].second = i + 1;
  }
  std::vector<FlameNode> sorted;
  sorted.reserve(graph.nodes.size());
  std::vector<std::pair<int32_t, int32_t>> waiting{{0, -1}}; // old position, parent's new one
  while (!waiting.empty()) {
    const auto [old, parent] = waiting.back();
    waiting.pop_back();
    FlameNode node = graph.nodes[static_cast<size_t>(old)];
    node.parent = parent;
    const auto place = static_cast<int32_t>(sorted.size());
    sorted.push_back(node);
    const auto [first, last] = children[static_cast<size_t>(old)];
    for (size_t i = first; i < last; i++)
      waiting.emplace_back(order[i], place);
  }
  graph.nodes = std::move(sorted);
}

} // namespace pprofd
