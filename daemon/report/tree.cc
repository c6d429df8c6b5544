#include "daemon/report/tree.h"

#include <ostream>
#include <string>

#include "daemon/profile/saturating.h"
#include "daemon/profile/table/padded.h"

namespace pprofd {

namespace {

constexpr const char* kSeparator =
    "----------------------------------------------------------+-------------\n";
constexpr const char* kLegend =
    "      flat  flat%   sum%        cum   cum%   calls calls% + context\n";

class TreeWriter {
public:
  TreeWriter(const FunctionGraph& graph, const ValueFormat& format, const TextOptions& options,
             int64_t total, std::ostream& out)
      : graph_(graph), format_(format), options_(options), total_(total), out_(out) {}

  void write(size_t shown) {
    out_ << kSeparator << kLegend;
    for (size_t i = 0; i < shown; i++) {
      const FunctionNode& function = graph_.functions[i];
      out_ << kSeparator;
      for (size_t edge : largest_first(graph_, function.in))
        call(graph_.edges[edge], graph_.edges[edge].caller, function.cum);
      own_line(function);
      for (size_t edge : largest_first(graph_, function.out))
        call(graph_.edges[edge], graph_.edges[edge].callee, function.cum);
    }
    if (shown > 0)
      out_ << kSeparator;
  }

private:
  void call(const CallEdge& edge, size_t other, int64_t of) {
    out_ << padded(format_(edge.value), 50) << ' ' << percentage(edge.value, of) << " |   "
         << name(graph_.functions[other]) << (edge.inlined ? " (inline)" : "") << '\n';
  }

  void own_line(const FunctionNode& function) {
    sum_ = saturating_add(sum_, function.flat);
    out_ << padded(format_(function.flat), 10) << ' ' << percentage(function.flat, total_) << ' '
         << percentage(sum_, total_) << ' ' << padded(format_(function.cum), 10) << ' '
         << percentage(function.cum, total_) << "                | " << name(function) << '\n';
  }

  std::string name(const FunctionNode& function) const {
    return display_name(function, options_.long_names);
  }

  const FunctionGraph& graph_;
  const ValueFormat& format_;
  const TextOptions& options_;
  int64_t total_;
  std::ostream& out_;
  int64_t sum_ = 0;
};

} // namespace

void write_tree(const perftools::profiles::Profile& profile, const TextOptions& options,
                std::ostream& out) {
  FunctionGraph graph = function_graph(profile, options.value_index, options.granularity);
  int64_t total = options.total.value_or(total_value(profile, options.value_index));
  size_t shown = shown_functions(graph, options.top);
  ValueFormat format = table_format(profile, options.value_index, graph, shown, total);
  write_heading(profile, options, graph, shown, format, out);
  TreeWriter(graph, format, options, total, out).write(shown);
}

} // namespace pprofd
