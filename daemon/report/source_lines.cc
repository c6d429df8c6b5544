#include "daemon/report/source_lines.h"

#include <algorithm>
#include <set>
#include <utility>

#include "daemon/profile/id_index.h"
#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

class Collector {
public:
  Collector(const proto::Profile& profile, int value_index,
            const std::function<bool(std::string_view)>& wanted)
      : profile_(profile), value_index_(value_index), locations_(profile.location()),
        functions_(profile.function()) {
    for (const proto::Function& function : profile.function())
      sources_.push_back(wanted(text(profile, function.name())) ? source_of(function) : nullptr);
  }

  std::vector<SourceFunction> run() && {
    for (const proto::Sample& sample : profile_.sample())
      add(sample);
    std::vector<SourceFunction> all;
    for (auto& [key, function] : found_)
      if (!function.lines.empty())
        all.push_back(std::move(function));
    return all;
  }

private:
  SourceFunction* source_of(const proto::Function& function) {
    const std::string& name = text(profile_, function.name());
    const std::string& file = text(profile_, function.filename());
    SourceFunction& source = found_[{name, file}];
    source.name = name;
    source.file = file;
    if (function.start_line() > 0 &&
        (source.start_line == 0 || function.start_line() < source.start_line))
      source.start_line = function.start_line();
    return &source;
  }

  void add(const proto::Sample& sample) {
    const int64_t value = sample.value(value_index_);
    if (value == 0)
      return;
    counted_.clear();
    bool leaf = true;
    for (const uint64_t id : sample.location_id()) {
      const proto::Location& location = profile_.location(locations_.position(id));
      for (const proto::Line& line : location.line())
        add(line, value, std::exchange(leaf, false));
      leaf = false;
    }
  }

  void add(const proto::Line& line, int64_t value, bool leaf) {
    SourceFunction* const source =
        sources_[static_cast<size_t>(functions_.position(line.function_id()))];
    if (source == nullptr)
      return;
    LineValues& values = source->lines[line.line()];
    if (leaf) {
      values.flat = saturating_add(values.flat, value);
      source->flat = saturating_add(source->flat, value);
    }
    if (counted_.insert(&values).second)
      values.cum = saturating_add(values.cum, value);
    if (counted_.insert(source).second)
      source->cum = saturating_add(source->cum, value);
  }

  const proto::Profile& profile_;
  int value_index_;
  IdIndex locations_, functions_;
  std::map<std::pair<std::string, std::string>, SourceFunction> found_; // by name and file
  std::vector<SourceFunction*> sources_; // by position of the function; nullptr: not wanted
  std::set<const void*> counted_;        // of the sample at hand: lines and functions
};

} // namespace

std::vector<SourceFunction> source_functions(const proto::Profile& profile, int value_index,
                                             const std::function<bool(std::string_view)>& wanted) {
  return Collector(profile, value_index, wanted).run();
}

} // namespace pprofd
