#include "daemon/report/summary.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "daemon/profile/saturating.h"
#include "daemon/profile/table/function_graph.h"
#include "daemon/profile/table/padded.h"
#include "daemon/profile/table/units.h"
#include "daemon/profile/text.h"

namespace pprofd {

void HotFunctions::add(const perftools::profiles::Profile& profile) {
  auto value = find_sample_type(profile, "");
  if (!value)
    return;
  unit_ = profile.string_table(static_cast<int>(profile.sample_type(*value).unit()));
  total_ = saturating_add(total_, total_value(profile, *value));
  for (const FunctionNode& function : function_graph(profile, *value).functions) {
    Values& values = functions_[function.name];
    values.self = saturating_add(values.self, function.flat);
    values.total = saturating_add(values.total, function.cum);
  }
}

std::vector<std::string> HotFunctions::lines(size_t count, bool long_names) const {
  using Entry = std::pair<std::string_view, Values>;
  std::vector<Entry> hottest(functions_.begin(), functions_.end());
  count = std::min(count, hottest.size());
  if (count == 0)
    return {};
  auto order = [](const Entry& entry) {
    return std::tuple(-magnitude(entry.second.self), -magnitude(entry.second.total), entry.first);
  };
  auto end = hottest.begin() + static_cast<std::ptrdiff_t>(count);
  std::ranges::partial_sort(hottest, end, {}, order);
  hottest.erase(end, hottest.end());
  int64_t least = total_;
  for (const auto& [name, values] : hottest)
    if (values.self != 0)
      least = std::min(least, magnitude(values.self));
  ValueFormat format(unit_, least, total_);
  std::vector<std::string> lines{"      self  self%      total total%  function"};
  for (const auto& [name, values] : hottest)
    lines.push_back(padded(format(values.self), 10) + " " + percentage(values.self, total_) + " " +
                    padded(format(values.total), 10) + " " + percentage(values.total, total_) +
                    "  " + display_name(name, long_names));
  return lines;
}

} // namespace pprofd
