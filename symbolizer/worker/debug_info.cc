#include "symbolizer/worker/debug_info.h"

#include <utility>

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kGoMemory = 16 << 20; // what go::Symbols may keep

} // namespace

DebugInfo::DebugInfo(MappedFile file, ElfImage image, NameStyle style)
    : file_(std::move(file)), source_(ByteSource::of_memory(file_.bytes())),
      image_(std::move(image)), style_(style) {}

std::unique_ptr<DebugInfo> DebugInfo::open(int fd, const DebugOptions& options) {
  auto file = MappedFile::open(fd);
  if (!file)
    return nullptr;
  auto image = ElfImage::open(ByteSource::of_memory(file->bytes()));
  if (!image)
    return nullptr;
  std::unique_ptr<DebugInfo> info(
      new DebugInfo(std::move(*file), std::move(*image), options.style));
  info->open_go();
  info->open_dwarf(options);
  return info->go_ || info->dwarf_ != nullptr || !info->notes_.empty() ? std::move(info) : nullptr;
}

void DebugInfo::open_go() {
  auto symbols = go::Symbols::open(source_, image_);
  if (!symbols)
    return;
  go_.emplace(std::move(*symbols));
  notes_.insert(notes_.end(), go_->notes().begin(), go_->notes().end());
}

void DebugInfo::open_dwarf(const DebugOptions& options) {
  sections_.emplace(dwarf::SectionFile::read(
      image_, file_.bytes(), {.split = false, .max_inflated = options.memory, .evictable = {}}));
  notes_.insert(notes_.end(), sections_->notes().begin(), sections_->notes().end());
  if (sections_->sections().info.empty())
    return;
  dwarf::LookupOptions lookup;
  lookup.style = options.style;
  lookup.max_mangled = options.max_mangled;
  lookup.table_bytes = options.memory / 4;
  lookup.abbreviation_bytes = options.memory / 12;
  lookup.name_bytes = options.memory / 12;
  dwarf_ =
      std::make_unique<dwarf::DwarfLookup>(sections_->sections(), image_.code(), std::move(lookup));
}

std::span<const dwarf::Frame> DebugInfo::find(ElfAddress address) {
  std::span<const dwarf::Frame> frames;
  if (go_)
    frames = find_go(*go_, address);
  if (frames.empty() && dwarf_ != nullptr)
    frames = dwarf_->find(address);
  // What is gone from the file reads as zeros, which may be anything.
  return file_.changed() ? std::span<const dwarf::Frame>() : frames;
}

std::span<const dwarf::Frame> DebugInfo::find_go(go::Symbols& symbols, ElfAddress address) {
  go_frames_ = symbols.find(address);
  frames_.clear();
  for (const go::Frame& frame : go_frames_)
    frames_.push_back({.name = frame.name,
                       .system_name = frame.name,
                       .file = frame.file,
                       .line = frame.line,
                       .column = 0,
                       .start_line = frame.start_line});
  return frames_;
}

size_t DebugInfo::memory() const {
  return sizeof *this + image_.memory() + (go_ ? kGoMemory : 0) +
         (sections_ ? sections_->memory() : 0) + (dwarf_ == nullptr ? 0 : dwarf_->memory());
}

} // namespace pprofd::symbolizer
