#include "daemon/symbols/file_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pprofd {

void FileNames::add(std::span<const FileOffset> offsets, const symbolizer::SymbolizedFile& answer) {
  names_fault = answer.names_fault;
  lines_fault = answer.lines_fault;
  const size_t count = std::min(answer.addresses.size(), offsets.size());
  for (size_t at = 0; at < count; ++at)
    add(answer.addresses[at], addresses[offsets[at].value]);
}

void FileNames::add(const symbolizer::SymbolizedAddress& from, NamedAddress& to) {
  if (!to.frames.empty())
    return;
  const bool stands_for_function = from.frames.empty() && from.function_start.value != 0;
  to.address = stands_for_function ? from.function_start : from.address;
  for (const symbolizer::SourceFrame& frame : from.frames) {
    // Functions inlined into each other share the physical one's start; static ones of several
    // files share a name.
    std::string key = fmt::format("{} {}\n{}\n{}\n{}", from.function_start.value, frame.start_line,
                                  frame.system_name, frame.function, frame.file);
    const auto [position, is_new] =
        function_ids_.try_emplace(std::move(key), static_cast<uint32_t>(functions.size()));
    if (is_new)
      functions.push_back({from.function_start, std::string(frame.function),
                           std::string(frame.system_name), std::string(frame.file),
                           frame.start_line});
    to.frames.push_back({position->second, frame.line, frame.column});
  }
}

} // namespace pprofd
