// Stacks of many profiles as one: flame graph, difference, table, file.
#include "daemon/serve/api/views.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "daemon/profile/flamegraph/json.h"
#include "daemon/profile/folded.h"
#include "daemon/profile/html/flame_graph_html.h"
#include "daemon/profile/table/short_name.h"
#include "daemon/serve/api/json.h"
#include "daemon/serve/api/parameters.h"
#include "daemon/serve/api/state.h"

namespace pprofd::serve {
namespace {

namespace proto = perftools::profiles;

constexpr size_t kMostNodes = 500'000; // in memory, some 100 bytes each
constexpr size_t kMostNodesSent = 200'000;
constexpr size_t kDefaultFunctions = 200;
constexpr size_t kMostFunctions = 100'000;
constexpr size_t kLongestExpression = 4096;

Result<Filter> read_filter(const Query& query) {
  Filter filter{.focus = std::string(query.get("focus")),
                .ignore = std::string(query.get("ignore"))};
  if (filter.focus.size() > kLongestExpression || filter.ignore.size() > kLongestExpression)
    return fail("focus and ignore", "an expression is too long");
  return filter;
}

Result<FlameLimits> read_flame_limits(const Query& query) {
  FlameLimits limits;
  const auto nodes = parse_count(query, "limit", limits.nodes, 1, kMostNodesSent);
  if (!nodes)
    return std::unexpected(nodes.error());
  limits.nodes = *nodes;
  return limits;
}

// What all views are asked with.
struct View {
  Selector selector;
  Filter filter;
  FlameLimits flame;
};

Result<View> read_view(const Request& request) {
  auto selector = parse_selector(request.query, time_now());
  auto filter = read_filter(request.query);
  auto flame = read_flame_limits(request.query);
  if (!selector)
    return std::unexpected(selector.error());
  if (!filter)
    return std::unexpected(filter.error());
  if (!flame)
    return std::unexpected(flame.error());
  return View{std::move(*selector), std::move(*filter), *flame};
}

// The base of a comparison: what is not said about it is as on the other side.
Result<Selector> read_base(const Request& request, const Selector& now_side) {
  const TimeNanos now = time_now();
  Selector base = now_side;
  const Query& query = request.query;
  for (const auto& [name, target] :
       {std::pair("base_from", &base.from), std::pair("base_to", &base.to)})
    if (!query.get(name).empty()) {
      const auto time = parse_time(query.get(name), now);
      if (!time)
        return std::unexpected(time.error());
      *target = *time;
    }
  if (query.has("base_labels")) {
    auto labels = parse_labels(query.get("base_labels"));
    if (!labels)
      return std::unexpected(labels.error());
    base.labels = std::move(*labels);
  }
  if (base.from >= base.to)
    return fail("base_from", "it is not before base_to");
  return base;
}

} // namespace

Result<void> add_side(Store& store, const Selector& selector, const Filter& filter,
                      const QueryLimits& limits, std::string_view sample,
                      FlameGraphBuilder::Side side, FlameGraphBuilder& builder) {
  const auto gathered = gather(store, selector, filter, limits, [&](proto::Profile& profile) {
    return builder.add(profile, sample, side);
  });
  return gathered ? Result<void>() : std::unexpected(gathered.error());
}

Response flame_graph(Store& store, const Request& request, const QueryLimits& limits) {
  const auto view = read_view(request);
  if (!view)
    return error_response(400, request, view.error());
  FlameGraphBuilder builder(kMostNodes);
  if (auto ok = add_side(store, view->selector, view->filter, limits, request.query.get("sample"),
                         FlameGraphBuilder::Side::kNow, builder);
      !ok)
    return error_response(400, request, ok.error());
  return json_response(flame_graph_json(std::move(builder).finish(view->flame)));
}

Response difference(Store& store, const Request& request, const QueryLimits& limits) {
  const auto view = read_view(request);
  if (!view)
    return error_response(400, request, view.error());
  const auto base = read_base(request, view->selector);
  if (!base)
    return error_response(400, request, base.error());
  FlameGraphBuilder builder(kMostNodes);
  builder.compare();
  const auto sample = request.query.get("sample");
  auto ok = add_side(store, view->selector, view->filter, limits, sample,
                     FlameGraphBuilder::Side::kNow, builder);
  if (ok)
    ok = add_side(store, *base, view->filter, limits, sample, FlameGraphBuilder::Side::kBase,
                  builder);
  if (!ok)
    return error_response(400, request, ok.error());
  return json_response(flame_graph_json(std::move(builder).finish(view->flame)));
}

Response hottest(Store& store, const Request& request, const QueryLimits& limits) {
  const auto limit = parse_count(request.query, "limit", kDefaultFunctions, 1, kMostFunctions);
  if (!limit)
    return error_response(400, request, limit.error());
  const auto selector = parse_selector(request.query, time_now());
  const auto filter = read_filter(request.query);
  if (!selector || !filter)
    return error_response(400, request, !selector ? selector.error() : filter.error());
  FlameGraphBuilder builder(kMostNodes);
  if (auto ok = add_side(store, *selector, *filter, limits, request.query.get("sample"),
                         FlameGraphBuilder::Side::kNow, builder);
      !ok)
    return error_response(400, request, ok.error());
  const FlameGraph graph = std::move(builder).finish({.nodes = kMostNodes, .min_share = 0});
  const std::vector<FunctionValue> values = function_values(graph);
  Json json;
  json.open('{').field("total", graph.now.total).field("unit", graph.unit);
  json.field("samples", graph.now.samples).field("profiles", graph.now.profiles);
  json.key("functions").open('[');
  for (size_t i = 0; i < values.size() && i < *limit; i++) {
    const FlameFunction& function = graph.functions[values[i].function];
    json.open('{');
    append_function(json, function);
    json.field("self", values[i].self).field("total", values[i].total).close('}');
  }
  json.close(']').field("omitted", values.size() - std::min<size_t>(values.size(), *limit));
  json.close('}');
  return json_response(json.take());
}

void append_function(Json& json, const FlameFunction& function) {
  json.field("name", function.name).field("short", short_name(function.name));
  json.field("file", function.file).field("mapping", function.mapping);
  json.field("kernel", function.kernel);
}

std::vector<FunctionValue> function_values(const FlameGraph& graph) {
  std::vector<FunctionValue> values(graph.functions.size());
  for (size_t i = 0; i < values.size(); i++)
    values[i].function = i;
  // Nodes are in pre-order: how often each function is on the way from the root to the present one.
  std::vector<uint32_t> open(graph.functions.size());
  std::vector<size_t> path;
  for (size_t i = 1; i < graph.nodes.size(); i++) {
    const FlameNode& node = graph.nodes[i];
    while (!path.empty() && path.back() != static_cast<size_t>(node.parent)) {
      open[static_cast<size_t>(graph.nodes[path.back()].function)]--;
      path.pop_back();
    }
    const auto function = static_cast<size_t>(node.function);
    values[function].self += node.now.self;
    if (open[function]++ == 0) // recursion counts once
      values[function].total += node.now.total;
    path.push_back(i);
  }
  std::erase_if(values, [&](const FunctionValue& value) {
    return value.total == 0 || graph.functions[value.function].process;
  });
  std::ranges::sort(values, [&](const FunctionValue& a, const FunctionValue& b) {
    return std::tuple(-a.self, -a.total, a.function) < std::tuple(-b.self, -b.total, b.function);
  });
  return values;
}

Response profile_download(Store& store, const Request& request, const QueryLimits& limits) {
  const auto view = read_view(request);
  if (!view)
    return error_response(400, request, view.error());
  const auto format = request.query.get("format");
  if (format == "html") {
    FlameGraphBuilder builder(kMostNodes);
    if (auto ok = add_side(store, view->selector, view->filter, limits, request.query.get("sample"),
                           FlameGraphBuilder::Side::kNow, builder);
        !ok)
      return error_response(400, request, ok.error());
    const auto html = flame_graph_html(std::move(builder).finish(view->flame), "pprofd");
    if (!html)
      return error_response(501, request, html.error());
    Response response = profile_response(*html, "profile.html");
    response.content_type = "text/html; charset=utf-8";
    return response;
  }
  if (!format.empty() && format != "pprof" && format != "folded")
    return error_response(400, request, "format is none of pprof, folded, html");
  const auto merged = merge_stored(store, view->selector, view->filter, limits);
  if (!merged)
    return error_response(404, request, merged.error());
  if (format == "folded") {
    std::ostringstream text;
    write_folded(*merged, merged->sample_type_size() - 1, text);
    Response response = profile_response(std::move(text).str(), "profile.folded");
    response.content_type = "text/plain; charset=utf-8";
    return response;
  }
  auto bytes = serialize_gzip(*merged);
  if (!bytes)
    return error_response(500, request, bytes.error());
  return profile_response(std::move(*bytes), "profile.pb.gz");
}

} // namespace pprofd::serve
