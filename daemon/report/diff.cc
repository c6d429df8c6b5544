#include "daemon/report/diff.h"

#include <algorithm>
#include <ostream>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "daemon/profile/saturating.h"
#include "daemon/profile/table/function_graph.h"
#include "daemon/profile/table/padded.h"
#include "daemon/profile/table/units.h"
#include "daemon/profile/text.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

int64_t flat_change(const FunctionChange& change) {
  return saturating_subtract(change.flat_after, change.flat_before);
}

int64_t cum_change(const FunctionChange& change) {
  return saturating_subtract(change.cum_after, change.cum_before);
}

// "+12.50%"
std::string signed_share(int64_t change, int64_t of) {
  std::string share = percentage(change, magnitude(of));
  share.erase(0, share.find_first_not_of(' '));
  if (change == 0)
    return "0%";
  return (change > 0 ? "+" : "-") + share;
}

class DiffWriter {
public:
  DiffWriter(const proto::Profile& before, const proto::Profile& after, const DiffOptions& options,
             std::ostream& out)
      : before_(before), after_(after), options_(options), out_(out),
        changes_(function_changes(before, after, options.value_index)),
        shown_(options.top == 0 ? changes_.size() : std::min(options.top, changes_.size())),
        format_(make_format()) {}

  void write() {
    heading();
    std::string group = padded("base", 10) + padded("now", 11) + padded("change", 11) +
                        padded("relative", 11) + padded("of base", 11);
    out_ << padded("own value (flat)", group.size()) << "  "
         << padded("total value (cum)", group.size()) << '\n'
         << group << "  " << group << "  function\n";
    for (size_t i = 0; i < shown_; i++) {
      const FunctionChange& change = changes_[i];
      values(change.flat_before, change.flat_after);
      out_ << "  ";
      values(change.cum_before, change.cum_after);
      out_ << "  " << display_name(change.name, options_.long_names) << '\n';
    }
  }

private:
  ValueFormat make_format() const {
    int64_t least = 0;
    for (size_t i = 0; i < shown_; i++)
      for (int64_t value : {flat_change(changes_[i]), cum_change(changes_[i])}) {
        int64_t size = magnitude(value);
        if (size > 0 && (least == 0 || size < least))
          least = size;
      }
    int64_t greatest = std::max(options_.total_before, options_.total_after);
    const auto& type = after_.sample_type(options_.value_index);
    return {after_.string_table(static_cast<int>(type.unit())), least != 0 ? least : greatest,
            greatest};
  }

  std::string signed_value(int64_t value) const {
    std::string text = format_(value);
    return value > 0 && text != "0" ? "+" + text : text;
  }

  static std::string duration(const proto::Profile& profile) {
    if (profile.duration_nanos() == 0)
      return "";
    return " in " + humanize(profile.duration_nanos(), "nanoseconds");
  }

  void heading() {
    const auto& type = after_.sample_type(options_.value_index);
    int64_t change = saturating_subtract(options_.total_after, options_.total_before);
    out_ << "Type: " << display_name(after_.string_table(static_cast<int>(type.type())), true)
         << "\nBase: " << format_(options_.total_before) << duration(before_)
         << "\nNow: " << format_(options_.total_after) << duration(after_)
         << "\nChange: " << signed_value(change) << " ("
         << (options_.total_before == 0 ? "new" : signed_share(change, options_.total_before))
         << ")\nShowing " << shown_ << " of " << changes_.size() << " functions that changed\n";
  }

  void values(int64_t before, int64_t after) {
    int64_t change = saturating_subtract(after, before);
    std::string relative = before == 0 && change != 0 ? "new" : signed_share(change, before);
    out_ << padded(format_(before), 10) << padded(format_(after), 11)
         << padded(signed_value(change), 11) << padded(relative, 11)
         << padded(options_.total_before == 0 ? "-" : signed_share(change, options_.total_before),
                   11);
  }

  const proto::Profile& before_;
  const proto::Profile& after_;
  const DiffOptions& options_;
  std::ostream& out_;
  std::vector<FunctionChange> changes_;
  size_t shown_;
  ValueFormat format_;
};

} // namespace

std::vector<FunctionChange> function_changes(const proto::Profile& before,
                                             const proto::Profile& after, int value_index) {
  std::vector<FunctionChange> changes;
  std::unordered_map<std::string, size_t> positions;
  auto change_of = [&](const std::string& name) -> FunctionChange& {
    auto [found, added] = positions.try_emplace(name, changes.size());
    if (added)
      changes.emplace_back().name = name;
    return changes[found->second];
  };
  for (const FunctionNode& function : function_graph(before, value_index).functions) {
    FunctionChange& change = change_of(function.name);
    change.flat_before = saturating_add(change.flat_before, function.flat);
    change.cum_before = saturating_add(change.cum_before, function.cum);
  }
  for (const FunctionNode& function : function_graph(after, value_index).functions) {
    FunctionChange& change = change_of(function.name);
    change.flat_after = saturating_add(change.flat_after, function.flat);
    change.cum_after = saturating_add(change.cum_after, function.cum);
  }
  std::erase_if(changes, [](const FunctionChange& change) {
    return flat_change(change) == 0 && cum_change(change) == 0;
  });
  std::ranges::sort(changes, {}, [](const FunctionChange& change) {
    return std::tuple(-magnitude(flat_change(change)), -magnitude(cum_change(change)),
                      std::string_view(change.name));
  });
  return changes;
}

void write_diff(const proto::Profile& before, const proto::Profile& after,
                const DiffOptions& options, std::ostream& out) {
  DiffWriter(before, after, options, out).write();
}

} // namespace pprofd
