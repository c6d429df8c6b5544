#include "symbolizer/go/symbols.h"

#include <algorithm>
#include <utility>

namespace pprofd::symbolizer::go {
namespace {

constexpr size_t kCacheBytes = 8 << 20;
constexpr size_t kMaxFrames = 256; // the compiler's own limits are far below

} // namespace

std::string printed_name(std::string_view name) {
  const size_t open = name.find('[');
  const size_t close = name.rfind(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::string(name);
  return std::string(name.substr(0, open)) + "[...]" + std::string(name.substr(close + 1));
}

Symbols::Symbols(const ByteSource& source, const ElfImage& image, FunctionTable table)
    : source_(&source), image_(&image), table_(std::move(table)) {
  if (table_.lacks_funcdata())
    notes_.emplace_back("Go's module data was not found: inlined functions have no names");
}

Result<Symbols> Symbols::open(const ByteSource& source, const ElfImage& image) {
  auto table = FunctionTable::open(source, image, kCacheBytes);
  if (!table)
    return std::unexpected(table.error());
  return Symbols(source, image, std::move(*table));
}

bool Symbols::load(const TableEntry& entry) {
  if (entry.start == loaded_)
    return true;
  const auto record = table_.record(entry);
  if (!record)
    return false;
  loaded_ = entry.start;
  record_ = *record;
  tree_ = InlineTree(table_, *source_, *image_, record_);
  const std::pair<uint32_t, PcValues*> kinds[] = {
      {record_.files, &files_}, {record_.lines, &lines_}, {tree_.numbers(), &calls_}};
  for (const auto& [offset, values] : kinds) {
    values->clear();
    if (offset != 0)
      values->start(table_.numbers(offset), entry.end - entry.start);
  }
  return true;
}

Frame Symbols::frame_at(uint32_t name, uint32_t start_line, uint64_t offset) {
  Frame frame{.name = printed_name(table_.name(name)), .file = {}, .start_line = start_line};
  frame.file = table_.file(record_, files_.at(table_.blocks(), offset));
  if (!frame.file.empty())
    frame.line = static_cast<uint32_t>(std::max(lines_.at(table_.blocks(), offset), 0));
  return frame;
}

std::vector<Frame> Symbols::find(ElfAddress address) {
  std::vector<Frame> frames;
  const auto entry = table_.find(address);
  if (!entry || !load(*entry))
    return frames;
  const uint64_t size = entry->end - entry->start;
  uint64_t offset = address.value - entry->start;
  int32_t index = calls_.at(table_.blocks(), offset);
  std::optional<std::pair<int32_t, int32_t>> position; // file and line, where the call tells them
  const auto add = [&](uint32_t name, uint32_t start_line) {
    Frame& frame = frames.emplace_back(frame_at(name, start_line, offset));
    if (position) {
      frame.file = table_.file(record_, position->first);
      frame.line = static_cast<uint32_t>(std::max(position->second, 0));
    }
  };
  while (index >= 0 && frames.size() + 1 < kMaxFrames) {
    const auto call = tree_.call(table_, index);
    if (!call || table_.name(call->name).empty() || call->caller.value_or(0) >= size)
      break;
    add(call->name, call->start_line);
    if (call->caller) {
      offset = *call->caller;
      index = calls_.at(table_.blocks(), offset);
    } else {
      position = {call->file, call->line};
      index = call->parent;
    }
  }
  add(record_.name, record_.start_line);
  return frames;
}

} // namespace pprofd::symbolizer::go
