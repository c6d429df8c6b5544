// What changed in services whose version or build changed.
//
// For each service, the profiles of the range are told apart by (version, build id). The build that
// was seen first most recently is compared with the one before it: shares of each function, each
// with a 95 % interval from the numbers of samples on both sides, and only changes that are more
// than chance among so many functions (daemon/profile/flamegraph/changes.h has the method).
#include <algorithm>
#include <map>
#include <tuple>

#include "daemon/profile/flamegraph/changes.h"
#include "daemon/serve/api/parameters.h"
#include "daemon/serve/api/state.h"
#include "daemon/serve/api/views.h"

namespace pprofd::serve {
namespace {

constexpr size_t kMostNodesOfAService = 200'000;
constexpr size_t kMostServices = 50;
constexpr size_t kMostChanges = 20;
// Of each side at most so many windows are looked at, the newest; more samples say little more.
constexpr int64_t kLongestSide = int64_t{6} * 3600 * kSecond;

struct Build {
  std::string version, build_id;
  TimeNanos first = INT64_MAX;
  TimeNanos last = 0;
};

using BuildKey = std::pair<std::string, std::string>;
using Builds = std::map<BuildKey, Build>;

std::string label(const Series& series, const char* name) {
  const auto found = series.labels.find(name);
  return found == series.labels.end() ? "" : found->second;
}

Result<std::map<std::string, Builds>> find_builds(Store& store, const Selector& selector,
                                                  const QueryLimits& limits) {
  auto reader = store.reader();
  if (!reader)
    return std::unexpected(reader.error());
  std::map<std::string, Builds> services;
  auto done = (*reader)->for_each(selector, [&](const IndexRow& row, const Series& series) {
    const BuildKey key(label(series, "version"), label(series, "build_id"));
    if (auto ok = check(limits); !ok || key == BuildKey())
      return ok;
    Build& build = services[series.service][key];
    build.version = key.first;
    build.build_id = key.second;
    build.first = std::min(build.first, row.time);
    build.last = std::max(build.last, row.time);
    return Result<void>();
  });
  if (!done)
    return std::unexpected(done.error());
  return services;
}

Selector side_of(const Selector& all, const std::string& service, const Build& build) {
  Selector side = all;
  side.from = std::max(build.first, build.last - kLongestSide);
  side.to = build.last + 1;
  side.overlapping = false;
  side.labels[kServiceLabel] = service;
  if (!build.version.empty())
    side.labels["version"] = build.version;
  if (!build.build_id.empty())
    side.labels["build_id"] = build.build_id;
  return side;
}

void append_changes(Json& json, const FlameGraph& graph) {
  json.key("functions").open('[');
  size_t count = 0;
  for (const ShareChange& change : share_changes(graph)) {
    if (!change.significant)
      continue;
    if (++count > kMostChanges)
      break;
    json.open('{');
    append_function(json, graph.functions[static_cast<size_t>(change.function)]);
    json.field("share", change.share).field("base_share", change.base_share);
    json.field("change", change.change).key("interval").open('[').value(change.interval.low);
    json.value(change.interval.high).close(']').field("significant", true).close('}');
  }
  json.close(']');
}

Result<void> append_service(Json& json, Store& store, const std::string& service,
                            const Selector& base, const Build& base_build, const Selector& now,
                            const Build& build, const QueryLimits& limits) {
  FlameGraphBuilder builder(kMostNodesOfAService);
  builder.compare();
  auto ok = add_side(store, now, {}, limits, "", FlameGraphBuilder::Side::kNow, builder);
  if (ok)
    ok = add_side(store, base, {}, limits, "", FlameGraphBuilder::Side::kBase, builder);
  if (!ok)
    return ok;
  const auto name = [](const Build& one) {
    return one.version.empty() ? one.build_id : one.version;
  };
  const FlameGraph graph = std::move(builder).finish();
  json.open('{').field("service", service);
  json.field("base_version", name(base_build)).field("version", name(build));
  json.field("base_build_id", base_build.build_id).field("build_id", build.build_id);
  json.field("base_from", seconds(base.from)).field("base_to", seconds(base.to));
  json.field("from", seconds(now.from)).field("to", seconds(now.to));
  append_changes(json, graph);
  json.close('}');
  return {};
}

} // namespace

Response regressions(Store& store, const Request& request, const QueryLimits& limits) {
  const auto selector = parse_selector(request.query, time_now());
  if (!selector)
    return error_response(400, request, selector.error());
  const auto services = find_builds(store, *selector, limits);
  if (!services)
    return error_response(500, request, services.error());
  Json json;
  json.open('{').key("services").open('[');
  size_t count = 0;
  for (const auto& [service, builds] : *services) {
    if (builds.size() < 2 || ++count > kMostServices)
      continue;
    std::vector<Build> order;
    for (const auto& [key, build] : builds)
      order.push_back(build);
    std::ranges::sort(order, {}, [](const Build& build) {
      return std::tuple(build.first, build.last, build.version, build.build_id);
    });
    const Build& build = order.back();
    const Build& base = order[order.size() - 2];
    if (auto ok = append_service(json, store, service, side_of(*selector, service, base), base,
                                 side_of(*selector, service, build), build, limits);
        !ok)
      return error_response(503, request, ok.error());
  }
  json.close(']').close('}');
  return json_response(json.take());
}

} // namespace pprofd::serve
