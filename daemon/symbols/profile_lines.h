// A file's names as a profile has them.
#pragma once

#include <vector>

#include "daemon/profile/profile_builder.h"
#include "daemon/symbols/file_names.h"

namespace pprofd {

// The lines of an address that has frames, innermost first. `profile` gets the functions:
// ProfileBuilder or ProfileNaming.
template <typename Profile>
std::vector<LineInfo> lines_of(const FileNames& file, const NamedAddress& address,
                               Profile& profile) {
  std::vector<LineInfo> lines;
  lines.reserve(address.frames.size());
  for (const NamedFrame& frame : address.frames) {
    const NamedFunction& function = file.functions.at(frame.function);
    const uint64_t id = profile.add_function({.name = function.name,
                                              .system_name = function.system_name,
                                              .file = function.file,
                                              .start_line = function.start_line});
    lines.push_back({.function = id, .line = frame.line, .column = frame.column});
  }
  return lines;
}

} // namespace pprofd
