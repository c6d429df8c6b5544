#include "daemon/profile/flamegraph/flame_graph.h"

#include <algorithm>
#include <utility>

#include "daemon/profile/flamegraph/arrange.h"
#include "daemon/profile/flamegraph/stack_tree.h"
#include "daemon/profile/frame_names.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"
#include "daemon/profile/table/function_graph.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

constexpr std::string_view kUnknown = "[unknown]";

// The kernel's mappings have names in brackets, as have [vdso] and [stack], and addresses in the
// upper half, as has [vsyscall].
bool is_kernel(const proto::Mapping& mapping, std::string_view name) {
  if (name.starts_with("[kernel"))
    return true;
  return name.starts_with('[') && name != "[vsyscall]" && mapping.memory_start() >> 63 != 0;
}

// The value that counts samples; -1 where none does.
int sample_count_index(const proto::Profile& profile) {
  for (int i = 0; i < profile.sample_type_size(); i++)
    if (text(profile, profile.sample_type(i).type()) == "samples" &&
        text(profile, profile.sample_type(i).unit()) == "count")
      return i;
  return -1;
}

FlameSource& source_of(FlameGraph& graph, FlameGraphBuilder::Side side) {
  if (side == FlameGraphBuilder::Side::kNow)
    return graph.now;
  return graph.base ? *graph.base : graph.base.emplace();
}

// The frames at each location of a profile, the outermost first.
class Locations {
public:
  Locations(const proto::Profile& profile, StackTree& tree)
      : profile_(profile), tree_(tree), index_(profile.location()), functions_(profile.function()),
        mappings_(profile.mapping()) {
    frames_.reserve(static_cast<size_t>(profile.location_size()));
    for (const auto& location : profile.location())
      frames_.push_back(frames(location));
  }

  [[nodiscard]] const std::vector<StackFrame>& at(uint64_t location_id) const {
    return frames_[static_cast<size_t>(index_.position(location_id))];
  }

private:
  std::vector<StackFrame> frames(const proto::Location& location) {
    const int position = mappings_.position(location.mapping_id());
    const proto::Mapping* mapping = position < 0 ? nullptr : &profile_.mapping(position);
    FlameFunction place;
    if (mapping != nullptr) {
      place.mapping = text(profile_, mapping->filename());
      place.kernel = is_kernel(*mapping, place.mapping);
    }
    std::vector<StackFrame> frames;
    for (int i = location.line_size() - 1; i >= 0; i--) {
      const auto& line = location.line(i);
      const auto& function = profile_.function(functions_.position(line.function_id()));
      FlameFunction known = place;
      known.name = text(profile_, function.name());
      if (known.name.empty())
        known.name = kUnknown;
      known.file = text(profile_, function.filename());
      frames.push_back({.function = tree_.function(std::move(known)),
                        .line = line.line(),
                        .inlined = i + 1 < location.line_size()});
    }
    if (frames.empty()) {
      place.name = nameless_frame(profile_, location, mapping);
      frames.push_back({.function = tree_.function(std::move(place))});
    }
    return frames;
  }

  const proto::Profile& profile_;
  StackTree& tree_;
  IdIndex index_, functions_, mappings_;
  std::vector<std::vector<StackFrame>> frames_; // by position of the location
};

} // namespace

struct FlameGraphBuilder::State {
  explicit State(size_t most_nodes) : tree(most_nodes) {}

  StackTree tree;
  FlameGraph graph; // all but functions and nodes

  // Goes one frame down, as long as there is room.
  bool descend(int32_t& node, const StackFrame& frame, int64_t value) {
    const int32_t child = tree.child(node, frame, value);
    if (child < 0)
      return false;
    node = child;
    return true;
  }

  // The node in which the stack ends.
  int32_t descend(const proto::Profile& profile, const proto::Sample& sample,
                  const Locations& locations, int64_t value) {
    int32_t node = 0;
    bool room = true;
    for (const auto& label : sample.label())
      if (label.str() != 0 && text(profile, label.key()) == "comm") {
        const FlameFunction process{
            .name = text(profile, label.str()), .file = {}, .mapping = {}, .process = true};
        room = descend(node, {.function = tree.function(process)}, value);
        break;
      }
    for (int i = sample.location_id_size() - 1; room && i >= 0; i--)
      for (const StackFrame& frame : locations.at(sample.location_id(i)))
        if (room = descend(node, frame, value); !room)
          break;
    if (!room)
      graph.cut = saturating_add(graph.cut, value);
    return node;
  }
};

FlameGraphBuilder::FlameGraphBuilder(size_t most_nodes)
    : state_(std::make_unique<State>(most_nodes)) {}
FlameGraphBuilder::FlameGraphBuilder(FlameGraphBuilder&&) noexcept = default;
FlameGraphBuilder& FlameGraphBuilder::operator=(FlameGraphBuilder&&) noexcept = default;
FlameGraphBuilder::~FlameGraphBuilder() = default;

void FlameGraphBuilder::compare() {
  if (!state_->graph.base)
    state_->graph.base.emplace();
}

Result<void> FlameGraphBuilder::add(const proto::Profile& profile, std::string_view sample_type,
                                    Side side) {
  const auto index = find_sample_type(profile, sample_type);
  if (!index)
    return std::unexpected(index.error());
  FlameGraph& graph = state_->graph;
  const proto::ValueType& type = profile.sample_type(*index);
  const std::string& unit = text(profile, type.unit());
  if (graph.type.empty()) {
    graph.type = text(profile, type.type());
    graph.unit = unit;
  } else if (graph.unit != unit) {
    return fail("add a profile", "its values are in " + unit + ", the others' in " + graph.unit);
  }
  FlameSource& source = source_of(graph, side);
  source.profiles++;
  source.accounting.add(profile);
  const int count = sample_count_index(profile);
  const Locations locations(profile, state_->tree);
  for (const auto& sample : profile.sample()) {
    const int64_t value = sample.value(*index);
    if (value <= 0)
      continue;
    if (count >= 0)
      source.samples = saturating_add(source.samples, std::max<int64_t>(0, sample.value(count)));
    FlameNode& leaf = state_->tree.node(state_->descend(profile, sample, locations, value));
    int64_t& self = side == Side::kBase ? leaf.base.self : leaf.now.self;
    self = saturating_add(self, value);
  }
  return {};
}

FlameGraph FlameGraphBuilder::finish(const FlameLimits& limits) && {
  FlameGraph graph = std::move(state_->graph);
  graph.functions = state_->tree.take_functions();
  graph.nodes = state_->tree.take_nodes();
  sum_up(graph.nodes);
  graph.now.total = graph.nodes.front().now.total;
  if (graph.base)
    graph.base->total = graph.nodes.front().base.total;
  add_up_small_nodes(graph, limits);
  sort_nodes(graph);
  return graph;
}

} // namespace pprofd
