// The last steps of a flame graph: totals, small nodes added up, an order that does not depend on
// that of the samples. Nodes stand behind their parents before and after.
#pragma once

#include <vector>

#include "daemon/profile/flamegraph/flame_graph.h"

namespace pprofd {

// Each node's total, from what it and the nodes below it have of their own.
void sum_up(std::vector<FlameNode>& nodes);

// What FlameLimits says. Functions that no node has any more are left out.
void add_up_small_nodes(FlameGraph& graph, const FlameLimits& limits);

// Pre-order, siblings by the names of their functions.
void sort_nodes(FlameGraph& graph);

} // namespace pprofd
