#include "daemon/profile/table/function_graph.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <tuple>
#include <unordered_map>

#include "daemon/profile/entry_key.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

// As filepath.Base() of Go has it.
std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return path.size() > 1 ? path.substr(path.rfind('/') + 1) : path;
}

class Builder {
public:
  Builder(const proto::Profile& profile, int value_index, Granularity granularity)
      : profile_(profile), value_index_(value_index), granularity_(granularity),
        locations_(profile.location()), mappings_(profile.mapping()),
        functions_(profile.function()) {}

  FunctionGraph run() {
    nodes_of_location_.resize(static_cast<size_t>(profile_.location_size()));
    for (int i = 0; i < profile_.location_size(); i++)
      find_nodes(profile_.location(i), nodes_of_location_[static_cast<size_t>(i)]);
    seen_node_.resize(graph_.functions.size());
    for (const auto& sample : profile_.sample())
      add(sample);
    drop_unused();
    sort();
    return std::move(graph_);
  }

private:
  std::string_view executable(const proto::Location& location) const {
    int position = mappings_.position(location.mapping_id());
    return position < 0 ? std::string_view()
                        : text(profile_, profile_.mapping(position).filename());
  }

  size_t node(std::string_view name, std::string_view file, int64_t start_line,
              const std::string& place = {}) {
    key_.clear();
    key_.text(name).text(name.empty() ? file : "").number(name.empty() ? start_line : 0);
    key_.text(place);
    auto [index, added] = nodes_.find_or_add(key_, graph_.functions.size());
    if (added) {
      FunctionNode& function = graph_.functions.emplace_back();
      function.place = place;
      if (!name.empty())
        function.name = name;
      else if (!file.empty())
        function.name = "[" + std::string(base_name(file)) + "]";
      else
        function.name = "<unknown>";
    }
    return index;
  }

  std::string place_of(const proto::Function& function, int64_t line) const {
    if (granularity_ == Granularity::Functions)
      return {};
    const std::string_view file = text(profile_, function.filename());
    std::string place = std::filesystem::path(file).lexically_normal().string();
    return line == 0 ? place : place + ":" + std::to_string(line);
  }

  void find_nodes(const proto::Location& location, std::vector<size_t>& found) {
    std::string_view file = executable(location);
    for (const auto& line : location.line()) {
      const auto& function = profile_.function(functions_.position(line.function_id()));
      found.push_back(node(text(profile_, function.name()), file, function.start_line(),
                           place_of(function, line.line())));
    }
    if (found.empty())
      found.push_back(node("", file, 0));
  }

  void add(const proto::Sample& sample) {
    int64_t value = sample.value(value_index_);
    if (value == 0)
      return;
    stamp_++;
    bool has_caller = false;
    size_t caller = 0;
    for (int i = sample.location_id_size() - 1; i >= 0; i--) {
      auto position = static_cast<size_t>(locations_.position(sample.location_id(i)));
      const auto& nodes = nodes_of_location_[position];
      for (size_t line = nodes.size(); line-- > 0;) {
        size_t callee = nodes[line];
        if (seen_node_[callee] != stamp_)
          add_to(graph_.functions[callee].cum, value);
        seen_node_[callee] = stamp_;
        if (has_caller && caller != callee)
          call(caller, callee, value, line + 1 != nodes.size());
        caller = callee;
        has_caller = true;
      }
    }
    if (has_caller)
      add_to(graph_.functions[caller].flat, value);
  }

  static void add_to(int64_t& sum, int64_t value) { sum = saturating_add(sum, value); }

  void call(size_t caller, size_t callee, int64_t value, bool inlined) {
    auto [found, added] = edges_.try_emplace(uint64_t{caller} << 32 | callee, graph_.edges.size());
    if (added) {
      graph_.edges.push_back({caller, callee, 0, true});
      seen_edge_.push_back(0);
    }
    CallEdge& edge = graph_.edges[found->second];
    if (seen_edge_[found->second] == stamp_)
      return;
    seen_edge_[found->second] = stamp_;
    add_to(edge.value, value);
    edge.inlined &= inlined;
  }

  // Functions that no sample counted for anything are not part of the graph.
  void drop_unused() {
    auto unused = [](const FunctionNode& f) { return f.flat == 0 && f.cum == 0; };
    std::vector<size_t> position(graph_.functions.size());
    size_t kept = 0;
    for (size_t i = 0; i < graph_.functions.size(); i++)
      position[i] = unused(graph_.functions[i]) ? SIZE_MAX : kept++;
    std::erase_if(graph_.functions, unused);
    for (CallEdge& edge : graph_.edges) {
      edge.caller = position[edge.caller];
      edge.callee = position[edge.callee];
    }
    std::erase_if(graph_.edges, [](const CallEdge& edge) {
      return edge.caller == SIZE_MAX || edge.callee == SIZE_MAX;
    });
  }

  void sort() {
    auto& functions = graph_.functions;
    std::vector<size_t> order(functions.size());
    for (size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::ranges::sort(order, {}, [&](size_t i) {
      const FunctionNode& f = functions[i];
      return std::tuple(-magnitude(f.flat), std::string_view(f.name), std::string_view(f.place),
                        -magnitude(f.cum), i);
    });
    std::vector<size_t> rank(order.size());
    std::vector<FunctionNode> sorted;
    sorted.reserve(order.size());
    for (size_t i = 0; i < order.size(); i++) {
      rank[order[i]] = i;
      sorted.push_back(std::move(functions[order[i]]));
    }
    functions = std::move(sorted);
    for (CallEdge& edge : graph_.edges) {
      edge.caller = rank[edge.caller];
      edge.callee = rank[edge.callee];
    }
    link();
  }

  void link() {
    auto& functions = graph_.functions;
    for (size_t i = 0; i < graph_.edges.size(); i++) {
      functions[graph_.edges[i].caller].out.push_back(i);
      functions[graph_.edges[i].callee].in.push_back(i);
    }
    for (FunctionNode& function : functions) {
      auto inlined = std::ranges::count_if(function.in,
                                           [&](size_t edge) { return graph_.edges[edge].inlined; });
      if (inlined > 0)
        function.inlining = static_cast<size_t>(inlined) == function.in.size()
                                ? Inlining::Always
                                : Inlining::Sometimes;
    }
  }

  const proto::Profile& profile_;
  int value_index_;
  Granularity granularity_;
  IdIndex locations_, mappings_, functions_;
  FunctionGraph graph_;
  EntryKey key_;
  EntryIndex nodes_;
  std::vector<std::vector<size_t>> nodes_of_location_;
  std::unordered_map<uint64_t, size_t> edges_;
  // The last sample that counted for a function or an edge.
  uint64_t stamp_ = 0;
  std::vector<uint64_t> seen_node_, seen_edge_;
};

} // namespace

std::vector<size_t> largest_first(const FunctionGraph& graph, std::vector<size_t> edges) {
  std::ranges::sort(edges, {}, [&](size_t i) {
    const CallEdge& edge = graph.edges[i];
    const FunctionNode& caller = graph.functions[edge.caller];
    const FunctionNode& callee = graph.functions[edge.callee];
    return std::tuple(-magnitude(edge.value), std::string_view(caller.name),
                      std::string_view(caller.place), std::string_view(callee.name),
                      std::string_view(callee.place), edge.caller, edge.callee);
  });
  return edges;
}

FunctionGraph function_graph(const proto::Profile& profile, int value_index,
                             Granularity granularity) {
  return Builder(profile, value_index, granularity).run();
}

int64_t total_value(const proto::Profile& profile, int value_index) {
  int64_t total = 0;
  for (const auto& sample : profile.sample())
    total = saturating_add(total, magnitude(sample.value(value_index)));
  return total;
}

Result<int> find_sample_type(const proto::Profile& profile, std::string_view wanted) {
  int count = profile.sample_type_size();
  if (count == 0)
    return fail("choose sample type", "the profile measures nothing (no sample types)");
  std::string names;
  for (int i = 0; i < count; i++) {
    std::string_view name = text(profile, profile.sample_type(i).type());
    // Heap profiles call the same type "inuse_space" or "space".
    if (name == wanted || (wanted.starts_with("inuse_") && name == wanted.substr(6)))
      return i;
    if (wanted.empty() && name == text(profile, profile.default_sample_type()))
      return i;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (wanted.empty())
    return count - 1;
  int index = 0;
  auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  if (error == std::errc() && end == wanted.data() + wanted.size() && index >= 0 && index < count)
    return index;
  return fail("choose sample type", "there is no '" + std::string(wanted) + "' in the profile",
              "choose one of: " + names);
}

} // namespace pprofd
