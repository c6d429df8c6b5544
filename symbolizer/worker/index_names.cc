#include "symbolizer/worker/index_names.h"

#include <utility>

namespace pprofd::symbolizer {

std::unique_ptr<IndexNames> IndexNames::open(int fd, std::string_view key, NameStyle style,
                                             size_t max_mangled) {
  auto file = MappedFile::open(fd);
  if (!file)
    return nullptr;
  auto reader = IndexReader::open(file->bytes(), key);
  if (!reader)
    return nullptr;
  return std::unique_ptr<IndexNames>(
      new IndexNames(std::move(*file), std::move(*reader), style, max_mangled));
}

std::optional<FoundNames> IndexNames::find(ElfAddress address) {
  const IndexAnswer answer = reader_.find(address);
  if (reader_.damaged() || file_.changed())
    return std::nullopt;
  frames_.clear();
  for (const IndexFrame& frame : answer.frames)
    frames_.push_back({.name = readable(frame.system_name),
                       .system_name = frame.system_name,
                       .file = frame.file,
                       .line = frame.line,
                       .column = frame.column,
                       .start_line = frame.start_line});
  return FoundNames{.start = answer.start, .frames = frames_};
}

std::string_view IndexNames::readable(std::string_view name) {
  if (style_ == NameStyle::kNone)
    return name;
  if (const auto* const found = readable_.find(name.data()); found != nullptr)
    return *found;
  std::string made = demangle(name, style_, max_mangled_);
  const size_t size = made.size();
  return readable_.put(name.data(), std::move(made), size);
}

size_t IndexNames::memory() const {
  return sizeof *this + reader_.memory() + readable_.bytes();
}

} // namespace pprofd::symbolizer
