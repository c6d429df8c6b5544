// A flame graph: the stacks of one profile or many as a tree, root first; of two sides where they
// are to be compared. What the page, its one-file form and scripts are given.
//
// Frames of equal function below the same parent are one node, whatever their lines; inlined calls
// are nodes of their own. Samples of a profile of several processes (those with a `comm` label)
// begin with their process. Samples that come to less than one are left out: a box has no negative
// width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/profile/flamegraph/accounting.h"
#include "daemon/profile/profile_builder.h"

namespace pprofd {

struct FlameFunction {
  std::string name; // never empty
  std::string file; // of the source; may be empty
  std::string mapping;
  bool kernel = false;
  bool process = false; // stands for a process, not for a function
};

struct FlameValue {
  int64_t total = 0; // of the samples with this node in their stack
  int64_t self = 0;  // of those that end in it
};

struct FlameNode {
  int32_t parent = -1;   // a position before this one; -1 at the root
  int32_t function = -1; // -1 at the root
  // The one that more than half of it is at, where there is such a one, else one of those it is
  // at; 0 is unknown.
  int64_t line = 0;
  bool inlined = false;
  FlameValue now, base;
};

// What one side was made of.
struct FlameSource {
  uint64_t profiles = 0;
  int64_t samples = 0; // 0 where the profiles don't count them
  int64_t total = 0;
  ProfileAccounting accounting;
};

struct FlameGraph {
  std::string type, unit; // "cpu", "nanoseconds"; empty where no profile was added
  FlameSource now;
  std::optional<FlameSource> base;
  std::vector<FlameFunction> functions;
  std::vector<FlameNode> nodes; // pre-order, siblings by name; the first is the root
  int64_t cut = 0;              // of stacks too many to be kept whole: what ends too early
};

struct FlameLimits {
  // With more nodes than this, those that are less than min_share of both sides are added up below
  // their parent as a function "(other)"; at most as many again become of it.
  size_t nodes = 50'000;
  double min_share = 0.0001;
};

inline constexpr const char* kOtherFunctions = "(other)";

// Takes profiles one by one: its memory depends on the distinct stacks, not on the profiles. One
// thread.
class FlameGraphBuilder {
public:
  enum class Side { kNow, kBase };

  // A node takes some 100 bytes here. What does not fit any more ends in the last frame that does,
  // and is counted (FlameGraph::cut).
  static constexpr size_t kMostNodes = 2'000'000;
  explicit FlameGraphBuilder(size_t most_nodes = kMostNodes);
  FlameGraphBuilder(FlameGraphBuilder&&) noexcept;
  FlameGraphBuilder& operator=(FlameGraphBuilder&&) noexcept;
  ~FlameGraphBuilder();

  // `sample_type`: a name or number; empty is the profile's default. The profile hangs together
  // (check_consistent). Errors: there is no such type; its unit is another than before.
  Result<void> add(const perftools::profiles::Profile& profile, std::string_view sample_type,
                   Side side = Side::kNow);
  // From now on there is a base, also where nothing is added to it.
  void compare();

  FlameGraph finish(const FlameLimits& limits = {}) &&;

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace pprofd
