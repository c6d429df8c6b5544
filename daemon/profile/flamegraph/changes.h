// Which functions' shares changed between the two sides of a flame graph, and which of the changes
// are more than chance.
//
// A share is that of the samples which end in the function. It is estimated from a number of
// samples, taken as independent of one another, so a difference of shares has an interval of
// confidence: 95 %, by Newcombe's hybrid score method (R. G. Newcombe, Statistics in Medicine 17,
// 1998, method 10), which holds for small counts too. Among a thousand functions fifty would leave
// such an interval by chance: a change is called significant only where an interval as wide as all
// functions that were looked at together need (Bonferroni) leaves out zero.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/profile/flamegraph/flame_graph.h"

namespace pprofd {

struct Interval {
  double low = 0, high = 0;
};

// A share that was counted: `hits` of `samples`, 0 <= hits <= samples; hits need not be whole.
struct CountedShare {
  double hits = 0, samples = 0;
};

// Of now - base, at a normal quantile `z` (1.96: 95 %). Nothing counted on a side: [-1, 1].
Interval difference_interval(CountedShare now, CountedShare base, double z);

// The quantile of the normal distribution at which a share of `tail` lies beyond it on one side;
// 0 < tail < 0.5.
double normal_quantile(double tail);

struct ShareChange {
  int32_t function = 0; // in FlameGraph::functions
  double share = 0, base_share = 0;
  double change = 0; // share - base_share
  Interval interval;
  bool significant = false;
};

// Of each function that has a share of its own on either side: the largest |change| first, then by
// name. Empty where there is no base or a side has nothing. Intervals are [-1, 1] where the
// profiles don't count samples.
std::vector<ShareChange> share_changes(const FlameGraph& graph);

} // namespace pprofd
