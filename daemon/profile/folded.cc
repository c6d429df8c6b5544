#include "daemon/profile/folded.h"

#include <cstdio>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "daemon/profile/id_index.h"
#include "daemon/profile/saturating.h"

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
    IdIndex functions(profile.function());
    IdIndex mappings(profile.mapping());
    frames_.reserve(static_cast<size_t>(profile.location_size()));
    for (const auto& location : profile.location())
      frames_.push_back(frames(location, functions, mappings));
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
  [[nodiscard]] const std::string& text(int64_t index) const {
    return profile_.string_table(static_cast<int>(index));
  }

  // The functions at a location, the outermost first.
  std::string frames(const proto::Location& location, const IdIndex& functions,
                     const IdIndex& mappings) const {
    std::string joined;
    for (int i = location.line_size() - 1; i >= 0; i--) {
      int position = functions.position(location.line(i).function_id());
      std::string name = text(profile_.function(position).name());
      if (!joined.empty())
        joined += ';';
      joined += name.empty() ? "[unknown]" : one_frame(std::move(name));
    }
    return joined.empty() ? place(location, mappings) : joined;
  }

  std::string place(const proto::Location& location, const IdIndex& mappings) const {
    int position = mappings.position(location.mapping_id());
    if (position < 0)
      return unsymbolized_name("[unknown]", location.address());
    const auto& mapping = profile_.mapping(position);
    return one_frame(
        unsymbolized_name(text(mapping.filename()),
                          location.address() - mapping.memory_start() + mapping.file_offset()));
  }

  std::string stack(const proto::Sample& sample) const {
    std::string joined;
    for (const auto& label : sample.label())
      if (label.str() != 0 && text(label.key()) == "comm") {
        joined = one_frame(text(label.str()));
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
