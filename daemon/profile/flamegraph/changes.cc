#include "daemon/profile/flamegraph/changes.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "daemon/profile/saturating.h"

namespace pprofd {

namespace {

constexpr double kTail = 0.025; // of a 95 % interval

// Wilson's score interval of one share.
Interval score_interval(CountedShare counted, double z) {
  const double n = counted.samples;
  const double p = counted.hits / n;
  const double square = z * z;
  const double middle = p + square / (2 * n);
  const double reach = z * std::sqrt(p * (1 - p) / n + square / (4 * n * n));
  const double scale = 1 + square / n;
  return {std::max(0.0, (middle - reach) / scale), std::min(1.0, (middle + reach) / scale)};
}

struct OwnValues {
  int64_t now = 0, base = 0;
};

std::vector<OwnValues> own_values(const FlameGraph& graph) {
  std::vector<OwnValues> values(graph.functions.size());
  for (const FlameNode& node : graph.nodes) {
    if (node.function < 0)
      continue;
    OwnValues& own = values[static_cast<size_t>(node.function)];
    own.now = saturating_add(own.now, node.now.self);
    own.base = saturating_add(own.base, node.base.self);
  }
  return values;
}

double share_of(int64_t value, const FlameSource& source) {
  return static_cast<double>(value) / static_cast<double>(source.total);
}

CountedShare counted(double share, const FlameSource& source) {
  const auto samples = static_cast<double>(source.samples);
  return {std::clamp(share, 0.0, 1.0) * samples, samples};
}

} // namespace

Interval difference_interval(CountedShare now, CountedShare base, double z) {
  if (now.samples <= 0 || base.samples <= 0)
    return {-1, 1};
  const Interval a = score_interval(now, z);
  const Interval b = score_interval(base, z);
  const double p = now.hits / now.samples;
  const double q = base.hits / base.samples;
  return {p - q - std::hypot(p - a.low, b.high - q), p - q + std::hypot(a.high - p, q - b.low)};
}

double normal_quantile(double tail) {
  // By bisection of the tail's own function: 100 steps are exact to the last bit.
  double low = 0;
  double high = 40;
  for (int step = 0; step < 100; step++) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::sqrt(2.0)) / 2 > tail ? low : high) = middle;
  }
  return low;
}

std::vector<ShareChange> share_changes(const FlameGraph& graph) {
  std::vector<ShareChange> changes;
  if (!graph.base || graph.now.total <= 0 || graph.base->total <= 0)
    return changes;
  const std::vector<OwnValues> values = own_values(graph);
  const auto looked_at = static_cast<double>(std::ranges::count_if(
      values, [](const OwnValues& own) { return own.now > 0 || own.base > 0; }));
  const double z = normal_quantile(kTail);
  const double strict_z = normal_quantile(kTail / std::max(1.0, looked_at));
  for (size_t i = 0; i < values.size(); i++) {
    if (values[i].now <= 0 && values[i].base <= 0)
      continue;
    ShareChange change;
    change.function = static_cast<int32_t>(i);
    change.share = share_of(values[i].now, graph.now);
    change.base_share = share_of(values[i].base, *graph.base);
    change.change = change.share - change.base_share;
    const CountedShare now = counted(change.share, graph.now);
    const CountedShare base = counted(change.base_share, *graph.base);
    change.interval = difference_interval(now, base, z);
    const Interval strict = difference_interval(now, base, strict_z);
    change.significant = strict.low > 0 || strict.high < 0;
    changes.push_back(change);
  }
  std::ranges::sort(changes, [&](const ShareChange& a, const ShareChange& b) {
    const auto key = [&](const ShareChange& change) {
      return std::tuple<double, const std::string&, int32_t>(
          -std::abs(change.change), graph.functions[static_cast<size_t>(change.function)].name,
          change.function);
    };
    return key(a) < key(b);
  });
  return changes;
}

} // namespace pprofd
