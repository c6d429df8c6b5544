#include "daemon/profile/folded.h"

#include <cstdio>
#include <map>
#include <ostream>
#include <ranges>
#include <string>
#include <vector>

#include "daemon/profile/frame_names.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

std::string one_frame(std::string name) {
  for (char& c : name)
    if (c == ';')
      c = ':';
    else if (c == '\n' || c == '\r')
      c = ' ';
  return name;
}

class Folder {
public:
  Folder(const proto::Profile& profile, int value_index)
      : profile_(profile), value_index_(value_index), locations_(profile.location()) {
    const FrameNames names(profile);
    frames_.reserve(static_cast<size_t>(profile.location_size()));
    for (const auto& location : profile.location())
      frames_.push_back(joined(names.at(location)));
  }

  void write(std::ostream& out) {
    std::map<std::string, int64_t> stacks;
    for (const auto& sample : profile_.sample()) {
      int64_t& sum = stacks[stack(sample)];
      sum = saturating_add(sum, sample.value(value_index_));
    }
    for (const auto& [stack, value] : stacks)
      if (value != 0)
        out << stack << ' ' << value << '\n';
  }

private:
  // Innermost first, made the outermost first.
  static std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : std::views::reverse(names)) {
      if (!all.empty())
        all += ';';
      all += one_frame(name);
    }
    return all;
  }

  std::string stack(const proto::Sample& sample) const {
    std::string joined;
    for (const auto& label : sample.label())
      if (label.str() != 0 && text(profile_, label.key()) == "comm") {
        joined = one_frame(text(profile_, label.str()));
        break;
      }
    for (int i = sample.location_id_size() - 1; i >= 0; i--) {
      if (!joined.empty())
        joined += ';';
      joined += frames_[static_cast<size_t>(locations_.position(sample.location_id(i)))];
    }
    return joined.empty() ? "[no stack]" : joined;
  }

  const proto::Profile& profile_;
  int value_index_;
  IdIndex locations_;
  std::vector<std::string> frames_; // by position of the location
};

} // namespace

void write_folded(const proto::Profile& profile, int value_index, std::ostream& out) {
  Folder(profile, value_index).write(out);
}

} // namespace pprofd
