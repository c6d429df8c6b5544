#include "symbolizer/worker/name_finder.h"

#include <utility>

namespace pprofd::symbolizer {

std::string_view Demangler::readable(const std::string& name) {
  if (const auto* const found = made_.find(name); found != nullptr)
    return *found;
  std::string made = demangle(name, style_, max_mangled_);
  const size_t size = name.size() + made.size();
  return made_.put(name, std::move(made), size);
}

NameFinder::NameFinder(const ParsedFile& file, bool lines, const ByteSource& source,
                       Demangler demangler)
    : debug_(lines ? file.debug.get() : nullptr), symbols_(file, lines, source),
      demangler_(std::move(demangler)) {}

void NameFinder::find_all(std::span<const ElfAddress> addresses,
                          const std::function<void(size_t, const FoundNames&)>& found) {
  const auto each = [&](size_t index, std::span<const dwarf::Frame> frames) {
    found(index, complete(addresses[index], frames));
  };
  if (debug_ != nullptr) {
    debug_->find_all(addresses, each);
    return;
  }
  for (size_t i = 0; i < addresses.size(); ++i)
    each(i, {});
}

FoundNames NameFinder::complete(ElfAddress address, std::span<const dwarf::Frame> frames) {
  frames_.assign(frames.begin(), frames.end());
  symbol_ = symbols_.find(address);
  const auto& symbol = symbol_.symbol;
  if (symbol && (frames.empty() || !debug_->names_are_final())) {
    if (frames.empty())
      frames_.emplace_back();
    frames_.back().name = demangler_.readable(symbol->name);
    frames_.back().system_name = symbol->name;
  }
  std::erase_if(frames_, [](const dwarf::Frame& frame) { return frame.name.empty(); });
  return {.start = symbol_.start, .frames = frames_};
}

} // namespace pprofd::symbolizer
