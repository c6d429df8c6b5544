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

NameFinder::NameFinder(const ParsedFile& file, const SymbolTable& symbols, bool lines,
                       const ByteSource& source, Demangler demangler)
    : file_(&file), debug_(lines ? file.debug.get() : nullptr), symbols_(symbols, source),
      demangler_(std::move(demangler)) {
  if (debug_ != nullptr && debug_->debug_source() != nullptr && file.debug_symbols)
    debug_symbols_.emplace(*file.debug_symbols, *debug_->debug_source());
}

FoundNames NameFinder::find(ElfAddress address) {
  const auto frames = debug_ == nullptr ? std::span<const dwarf::Frame>() : debug_->find(address);
  frames_.assign(frames.begin(), frames.end());
  symbol_ = debug_symbols_ ? debug_symbols_->find(address) : std::nullopt;
  if (!symbol_)
    symbol_ = symbols_.find(address);
  if (symbol_ && (frames.empty() || !debug_->names_are_final())) {
    if (frames.empty())
      frames_.emplace_back();
    frames_.back().name = demangler_.readable(symbol_->name);
    frames_.back().system_name = symbol_->name;
  }
  std::erase_if(frames_, [](const dwarf::Frame& frame) { return frame.name.empty(); });
  return {.start = symbol_ ? symbol_->start : file_->starts.at(address).value_or(ElfAddress{}),
          .frames = frames_};
}

} // namespace pprofd::symbolizer
