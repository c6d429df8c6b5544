#include "daemon/profile/frame_names.h"

#include "daemon/profile/string_table.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

constexpr const char* kUnknownFrame = "[unknown]";

} // namespace

std::string nameless_frame(const proto::Profile& profile, const proto::Location& location,
                           const proto::Mapping* mapping) {
  if (mapping == nullptr)
    return unsymbolized_name(kUnknownFrame, location.address());
  return unsymbolized_name(text(profile, mapping->filename()),
                           location.address() - mapping->memory_start() + mapping->file_offset());
}

std::vector<std::string> FrameNames::at(const proto::Location& location) const {
  std::vector<std::string> names;
  for (const auto& line : location.line()) {
    const auto& function = profile_.function(functions_.position(line.function_id()));
    const std::string& name = text(profile_, function.name());
    names.push_back(name.empty() ? kUnknownFrame : name);
  }
  if (!names.empty())
    return names;
  const int position = mappings_.position(location.mapping_id());
  return {nameless_frame(profile_, location, position < 0 ? nullptr : &profile_.mapping(position))};
}

} // namespace pprofd
