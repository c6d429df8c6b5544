// The functions of a profile with their own and their total values, and who calls whom: what
// tables and trees are printed from.
//
// A function is known by its name, as pprof's tables have it; a frame without one is known by its
// executable. Inlined functions are frames of their own. Recursion counts once. By lines, each line
// of a function counts as a function does otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

enum class Inlining { Never, Sometimes, Always };

struct CallEdge {
  size_t caller = 0, callee = 0; // positions in FunctionGraph::functions
  int64_t value = 0;
  bool inlined = true; // never seen as a real call
};

enum class Granularity { Functions, Lines };

struct FunctionNode {
  std::string name;
  std::string place; // by lines: "FILE:LINE", or what of it is known; else empty
  int64_t flat = 0;  // of samples whose innermost frame this is
  int64_t cum = 0;   // of samples with this function anywhere
  Inlining inlining = Inlining::Never;
  std::vector<size_t> in, out; // positions in FunctionGraph::edges, in no order
};

struct FunctionGraph {
  std::vector<FunctionNode> functions; // largest |flat| first, then by name and place
  std::vector<CallEdge> edges;
};

// The graph of one of the profile's values. The profile hangs together (check_consistent).
FunctionGraph function_graph(const perftools::profiles::Profile& profile, int value_index,
                             Granularity granularity = Granularity::Functions);

// Edges of a function in the order to show them in: largest |value| first, then by names.
std::vector<size_t> largest_first(const FunctionGraph& graph, std::vector<size_t> edges);

// The sum of the samples' |values|: what percentages are of.
int64_t total_value(const perftools::profiles::Profile& profile, int value_index);

// The position of a sample type by name or number; empty: the profile's default, else the last.
Result<int> find_sample_type(const perftools::profiles::Profile& profile, std::string_view wanted);

} // namespace pprofd
