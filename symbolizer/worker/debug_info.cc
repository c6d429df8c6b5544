#include "symbolizer/worker/debug_info.h"

#include <algorithm>
#include <utility>

#include "symbolizer/elf/debug_links.h"

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kGoMemory = 16 << 20; // what go::Symbols may keep

} // namespace

DebugInfo::DebugInfo(MappedElf file, const DebugOptions& options)
    : file_(std::move(file.mapping)), source_(ByteSource::of_memory(file_.bytes())),
      image_(std::move(file.image)), style_(options.style), split_files_(options.memory) {}

std::unique_ptr<DebugInfo> DebugInfo::open(const DebugFds& fds, std::span<const std::byte> build_id,
                                           const DebugLinks& links, const DebugOptions& options) {
  std::vector<std::string> notes;
  std::optional<MappedElf> file = fds.debug >= 0 ? MappedElf::open(fds.debug) : std::nullopt;
  if (file && !belongs(*file, build_id, links)) {
    notes.emplace_back("the debug file found is of another build");
    file.reset();
  }
  const bool separate = file.has_value();
  if (!separate)
    file = MappedElf::open(fds.file);
  if (!file)
    return nullptr;
  std::unique_ptr<DebugInfo> info(new DebugInfo(std::move(*file), options));
  info->separate_ = separate;
  info->notes_ = std::move(notes);
  if (fds.scratch >= 0)
    info->scratch_ = Scratch::open(fds.scratch);
  info->open_go();
  info->open_supplementary(
      fds.supplementary, separate ? read_debug_links(info->source_, info->image_) : links, options);
  info->open_package(fds.package, options);
  info->open_dwarf(options);
  const bool empty = !separate && !info->go_ && info->dwarf_ == nullptr && info->notes_.empty();
  return empty ? nullptr : std::move(info);
}

// By the build id, or by the link's sum where there is none.
bool DebugInfo::belongs(const MappedElf& file, std::span<const std::byte> build_id,
                        const DebugLinks& links) {
  if (!build_id.empty() || !file.image.build_id().empty())
    return std::ranges::equal(build_id, file.image.build_id());
  return debug_link_crc(ByteSource::of_memory(file.mapping.bytes())) == links.crc;
}

void DebugInfo::open_go() {
  auto symbols = go::Symbols::open(source_, image_);
  if (!symbols)
    return;
  go_.emplace(std::move(*symbols));
  notes_.insert(notes_.end(), go_->notes().begin(), go_->notes().end());
}

// A file and what dwz has put aside from it share the room in memory.
dwarf::SectionOptions DebugInfo::section_options(const DebugOptions& options, bool split) {
  return {.split = split,
          .max_inflated = scratch_ && !split ? 0 : options.memory / 2,
          .evictable = [this, split](uint64_t size) {
            return scratch_ && !split ? scratch_->take(size) : std::span<std::byte>();
          }};
}

void DebugInfo::open_supplementary(int fd, const DebugLinks& links, const DebugOptions& options) {
  if (links.supplementary.empty())
    return;
  supplementary_ = fd >= 0 ? MappedElf::open(fd) : std::nullopt;
  if (supplementary_ &&
      !std::ranges::equal(supplementary_->image.build_id(), links.supplementary_id))
    supplementary_.reset();
  if (!supplementary_) {
    notes_.push_back(links.supplementary + ", which names are in, was not found");
    return;
  }
  supplementary_sections_.emplace(dwarf::SectionFile::read(
      supplementary_->image, supplementary_->mapping.bytes(), section_options(options)));
}

// Its units say by their ids whether they belong to the file.
void DebugInfo::open_package(int fd, const DebugOptions& options) {
  package_ = fd >= 0 ? MappedElf::open(fd) : std::nullopt;
  if (package_)
    package_sections_.emplace(dwarf::SectionFile::read(package_->image, package_->mapping.bytes(),
                                                       section_options(options, true)));
}

void DebugInfo::open_dwarf(const DebugOptions& options) {
  sections_.emplace(dwarf::SectionFile::read(image_, file_.bytes(), section_options(options)));
  notes_.insert(notes_.end(), sections_->notes().begin(), sections_->notes().end());
  if (sections_->sections().info.empty())
    return;
  dwarf::LookupOptions lookup;
  lookup.style = options.style;
  lookup.max_mangled = options.max_mangled;
  lookup.table_bytes = options.memory / 4;
  lookup.abbreviation_bytes = options.memory / 12;
  lookup.name_bytes = options.memory / 12;
  if (supplementary_sections_)
    lookup.supplementary = &supplementary_sections_->sections();
  if (package_sections_) {
    lookup.split_files = [this](const dwarf::SplitReference&) {
      // It is there as long as this.
      return std::vector{
          dwarf::SplitSections(std::shared_ptr<void>(), &package_sections_->sections())};
    };
  } else {
    lookup.split_files = [this](const auto& reference) { return split_files_.find(reference); };
    lookup.split_files_full = [this] { return split_files_.full(); };
  }
  dwarf_ =
      std::make_unique<dwarf::DwarfLookup>(sections_->sections(), image_.code(), std::move(lookup));
}

std::string DebugInfo::missing_split_units() const {
  if (dwarf_ == nullptr || dwarf_->missing_split_file().empty())
    return {};
  return "split units were not found, or are of another build, the first of them " +
         dwarf_->missing_split_file() + ": inlined functions are missing";
}

std::span<const dwarf::Frame> DebugInfo::find(ElfAddress address) {
  forget_changed();
  std::span<const dwarf::Frame> frames;
  if (go_)
    frames = find_go(*go_, address);
  if (frames.empty() && dwarf_ != nullptr)
    frames = dwarf_->find(address);
  // What is gone from the file reads as zeros, which may be anything.
  return changed() ? std::span<const dwarf::Frame>() : frames;
}

void DebugInfo::find_all(std::span<const ElfAddress> addresses, const Found& found) {
  if (!go_ && dwarf_ != nullptr) {
    forget_changed();
    dwarf_->find_all(addresses, [&](size_t index, std::span<const dwarf::Frame> frames) {
      found(index, changed() ? std::span<const dwarf::Frame>() : frames);
    });
    return;
  }
  for (size_t i = 0; i < addresses.size(); ++i)
    found(i, find(addresses[i]));
}

// A file that a compiler writes anew: the next look-up has another.
void DebugInfo::forget_changed() {
  if (split_files_.changed())
    dwarf_->forget();
}

bool DebugInfo::changed() const {
  return file_.changed() || (supplementary_ && supplementary_->mapping.changed()) ||
         (package_ && package_->mapping.changed()) || split_files_.changed();
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
  // Scratch files are not memory, but not to be held in any number either.
  constexpr size_t kScratchShare = 16;
  return sizeof *this + image_.memory() + (scratch_ ? scratch_->size() / kScratchShare : 0) +
         (go_ ? kGoMemory : 0) + (sections_ ? sections_->memory() : 0) +
         (supplementary_sections_ ? supplementary_sections_->memory() : 0) +
         (package_sections_ ? package_sections_->memory() : 0) + split_files_.memory() +
         (dwarf_ == nullptr ? 0 : dwarf_->memory());
}

} // namespace pprofd::symbolizer
