#include "daemon/report/filter.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/profile/id_index.h"
#include "daemon/profile/string_table.h"
#include "daemon/report/expression.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

// An expression and what it says of each string of a profile, asked once.
class Matcher {
public:
  Matcher(const proto::Profile& profile, std::unique_ptr<RE2> expression)
      : profile_(profile), expression_(std::move(expression)) {}

  bool matches(int64_t index) {
    auto [found, added] = known_.try_emplace(index, false);
    if (added)
      found->second = RE2::PartialMatch(text(profile_, index), *expression_);
    return found->second;
  }

private:
  const proto::Profile& profile_;
  std::unique_ptr<RE2> expression_;
  std::unordered_map<int64_t, bool> known_;
};

Result<std::unique_ptr<Matcher>> make_matcher(const proto::Profile& profile, const char* option,
                                              const std::string& expression) {
  if (expression.empty())
    return std::unique_ptr<Matcher>();
  auto read = read_expression(option, expression);
  if (!read)
    return std::unexpected(read.error());
  return std::make_unique<Matcher>(profile, std::move(*read));
}

// The name without a leading '.' and from the parameters on, by which pprof matches drop_frames.
std::string_view simple_name(std::string_view name) {
  if (name.starts_with('.'))
    name.remove_prefix(1);
  constexpr std::array<std::string_view, 2> kReserved{"(anonymous namespace)", "operator()"};
  for (size_t at = 0; at < name.size();) {
    std::string_view rest = name.substr(at);
    auto reserved = std::ranges::find_if(
        kReserved, [&](std::string_view word) { return rest.starts_with(word); });
    if (reserved == kReserved.end() && rest.starts_with('('))
      return name.substr(0, at);
    at += reserved == kReserved.end() ? 1 : reserved->size();
  }
  return name;
}

class Pruner {
public:
  Pruner(proto::Profile& profile, const RE2& drop, const RE2* keep)
      : profile_(profile), drop_(drop), keep_(keep), functions_(profile.function()),
        locations_(profile.location()) {}

  void run() {
    for (auto& location : *profile_.mutable_location())
      cuts_.push_back(look_at(location));
    for (auto& sample : *profile_.mutable_sample())
      cut(sample);
  }

private:
  // What becomes of a trace at a location: goes on, ends with it, or ends above it.
  enum class Cut { None, Below, Here };

  bool dropped(uint64_t function_id) {
    int position = functions_.position(function_id);
    auto [found, added] = known_.try_emplace(position, false);
    if (added) {
      const std::string& name = text(profile_, profile_.function(position).name());
      re2::StringPiece simple(simple_name(name));
      found->second = !name.empty() && RE2::FullMatch(simple, drop_) &&
                      (keep_ == nullptr || !RE2::FullMatch(simple, *keep_));
    }
    return found->second;
  }

  Cut look_at(proto::Location& location) {
    for (int i = location.line_size() - 1; i >= 0; i--) {
      if (!dropped(location.line(i).function_id()))
        continue;
      if (i == location.line_size() - 1)
        return Cut::Here;
      location.mutable_line()->DeleteSubrange(0, i + 1);
      return Cut::Below;
    }
    return Cut::None;
  }

  void cut(proto::Sample& sample) {
    bool found_user = false;
    for (int i = sample.location_id_size() - 1; i >= 0; i--) {
      Cut here = cuts_[static_cast<size_t>(locations_.position(sample.location_id(i)))];
      if (here == Cut::None)
        found_user = true;
      if (here == Cut::None || !found_user)
        continue;
      auto& ids = *sample.mutable_location_id();
      ids.erase(ids.begin(), ids.begin() + i + (here == Cut::Here ? 1 : 0));
      return;
    }
  }

  proto::Profile& profile_;
  const RE2& drop_;
  const RE2* keep_;
  IdIndex functions_, locations_;
  std::unordered_map<int, bool> known_;
  std::vector<Cut> cuts_;
};

class SampleFilter {
public:
  SampleFilter(proto::Profile& profile, Matcher* focus, Matcher* ignore)
      : profile_(profile), functions_(profile.function()), mappings_(profile.mapping()),
        locations_(profile.location()) {
    for (const auto& location : profile.location()) {
      focused_.push_back(focus == nullptr || matches(location, *focus));
      ignored_.push_back(ignore != nullptr && matches(location, *ignore));
    }
  }

  void run() {
    auto& samples = *profile_.mutable_sample();
    const auto gone =
        std::ranges::remove_if(samples, [&](const proto::Sample& sample) { return !kept(sample); });
    samples.DeleteSubrange(static_cast<int>(gone.begin() - samples.begin()),
                           static_cast<int>(gone.size()));
  }

private:
  bool matches(const proto::Location& location, Matcher& matcher) const {
    for (const auto& line : location.line()) {
      const auto& function = profile_.function(functions_.position(line.function_id()));
      if (matcher.matches(function.name()) || matcher.matches(function.filename()))
        return true;
    }
    int mapping = mappings_.position(location.mapping_id());
    return mapping >= 0 && matcher.matches(profile_.mapping(mapping).filename());
  }

  [[nodiscard]] bool kept(const proto::Sample& sample) const {
    bool focused = false;
    for (uint64_t id : sample.location_id()) {
      auto position = static_cast<size_t>(locations_.position(id));
      if (ignored_[position])
        return false;
      focused |= focused_[position];
    }
    return focused;
  }

  proto::Profile& profile_;
  IdIndex functions_, mappings_, locations_;
  std::vector<bool> focused_, ignored_; // by position of the location
};

} // namespace

Result<void> filter_samples(proto::Profile& profile, const std::string& focus,
                            const std::string& ignore) {
  auto focus_matcher = make_matcher(profile, "--focus", focus);
  if (!focus_matcher)
    return std::unexpected(focus_matcher.error());
  auto ignore_matcher = make_matcher(profile, "--ignore", ignore);
  if (!ignore_matcher)
    return std::unexpected(ignore_matcher.error());
  if (*focus_matcher || *ignore_matcher)
    SampleFilter(profile, focus_matcher->get(), ignore_matcher->get()).run();
  return {};
}

void apply_drop_frames(proto::Profile& profile) {
  const std::string& drop_text = text(profile, profile.drop_frames());
  const std::string& keep_text = text(profile, profile.keep_frames());
  if (drop_text.empty())
    return;
  RE2 drop(drop_text, expression_options());
  RE2 keep(keep_text, expression_options());
  if (drop.ok() && keep.ok())
    Pruner(profile, drop, keep_text.empty() ? nullptr : &keep).run();
}

} // namespace pprofd
