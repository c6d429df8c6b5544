// Parts of the views that several answers are made of. Internal to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "daemon/profile/flamegraph/flame_graph.h"
#include "daemon/serve/api/gather.h"
#include "daemon/serve/api/json.h"

namespace pprofd::serve {

// Adds what the selector means to one side of a flame graph.
Result<void> add_side(Store& store, const Selector& selector, const Filter& filter,
                      const QueryLimits& limits, std::string_view sample,
                      FlameGraphBuilder::Side side, FlameGraphBuilder& builder);

struct FunctionValue {
  size_t function = 0; // in FlameGraph::functions
  int64_t self = 0, total = 0;
};

// Of every function that has one, the largest own value first.
std::vector<FunctionValue> function_values(const FlameGraph& graph);

// name, short, file, mapping and kernel as fields of the object that is open.
void append_function(Json& json, const FlameFunction& function);

} // namespace pprofd::serve
