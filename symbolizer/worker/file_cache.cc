#include "symbolizer/worker/file_cache.h"

#include <new>
#include <utility>

#include "symbolizer/elf/debug_links.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kMaxFiles = 16'384;
constexpr size_t kIndexMappings = 1;
constexpr size_t kSlotMemory = 512; // of a slot beside image and symbols

SymbolLimits limits_for(uint64_t memory) {
  // A symbol takes 16 bytes; building takes the table, the inflated file and 32 MB of strings.
  return {.symbols = memory / 50, .xz = {.dictionary = memory / 6, .output = memory / 3}};
}

// The reasons of a file, in one line.
void append_reason(std::string& reasons, std::string_view why) {
  reasons += (reasons.empty() ? "" : "; ") + std::string(why);
}

} // namespace

std::string ParsedFile::why_nameless() const {
  std::string reasons = failure;
  if (!debug_failure.empty())
    append_reason(reasons, debug_failure);
  if (const std::string why = debug == nullptr ? "" : debug->missing_split_units(); !why.empty())
    append_reason(reasons, why);
  const bool none = symbols && symbols->empty() && debug == nullptr;
  return none && reasons.empty() ? "no symbols" : reasons;
}

NamesFault ParsedFile::names_fault() const {
  if (fault != NamesFault::kNone)
    return fault;
  // What is exported has names in a stripped file too; the rest has none.
  const bool stripped = symbols && symbols->count(SymbolOrigin::kSymtab) == 0 &&
                        symbols->count(SymbolOrigin::kDebugdata) == 0 && !debug_symbols;
  const bool has_go = debug != nullptr && debug->names_are_final();
  return stripped && !has_go ? NamesFault::kNoSymbols : NamesFault::kNone;
}

NamesFault ParsedFile::lines_fault() const {
  if (debug_fault != NamesFault::kNone)
    return debug_fault;
  if (debug == nullptr)
    return image ? NamesFault::kNoDebugInformation : fault;
  return debug->has_lines() ? NamesFault::kNone : NamesFault::kNoDebugInformation;
}

FileCache::FileCache(uint64_t memory_limit, size_t max_mangled)
    : limits_(limits_for(memory_limit)), debug_memory_(memory_limit / 3), max_mangled_(max_mangled),
      kept_limit_(memory_limit / 4) {}

FileCache::Slot& FileCache::slot_of(uint64_t id) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    slots_.splice(slots_.begin(), slots_, found->second);
  } else {
    slots_.push_front({.id = id, .file = {}, .debug = {}, .index = {}});
    by_id_[id] = slots_.begin();
  }
  return slots_.front();
}

const ParsedFile& FileCache::get(uint64_t id, const ByteSource& source, bool names) {
  Slot& slot = slot_of(id);
  if (slot.memory == 0 || slot.file.stamp != source.stamp())
    parse_image(slot, source);
  if (names && slot.file.image && !slot.file.symbols)
    parse_symbols(slot, *slot.file.image, source);
  shrink(kept_limit_);
  return slot.file;
}

const ParsedFile& FileCache::get_lines(uint64_t id, const ByteSource& source, NameStyle style,
                                       const DebugFds& fds) {
  get(id, source, /*names=*/true);
  Slot& slot = slots_.front();
  const auto debug_file = ByteSource::of_file(fds.debug);
  const std::pair wanted(style, debug_file ? debug_file->stamp() : FileStamp{});
  if (slot.file.image && slot.debug != wanted) {
    open_debug(slot, *slot.file.image, style, fds);
    slot.debug = wanted;
  }
  if (slot.file.debug != nullptr)
    slot.file.debug->fetch_split_files_by(fds.split_files);
  account(slot); // it grows as it is asked
  shrink(kept_limit_);
  return slot.file;
}

const ParsedFile& FileCache::get_index(uint64_t id, const ByteSource& source, NameStyle style,
                                       int index, std::string_view key) {
  get(id, source, /*names=*/false);
  Slot& slot = slots_.front();
  const auto index_file = ByteSource::of_file(index);
  const std::pair wanted(style, index_file ? index_file->stamp() : FileStamp{});
  if (slot.index != wanted) {
    drop_debug(kIndexMappings);
    slot.file.index = IndexNames::open(index, key, style, max_mangled_);
    slot.index = wanted;
  }
  account(slot);
  shrink(kept_limit_);
  return slot.file;
}

// A file that grows. Where it is another one it is read from its start.
template <typename Grown>
void FileCache::read_on(Grown& grown, Slot& slot, const ByteSource& source) {
  const FileStamp before = std::exchange(slot.file.stamp, source.stamp());
  const FileStamp& now = slot.file.stamp;
  if (before.device != now.device || before.inode != now.inode || before.size > now.size)
    grown = {};
  grown.read(source);
  account(slot);
  shrink(kept_limit_);
}

const PerfMap& FileCache::perf_map(uint64_t id, const ByteSource& source) {
  Slot& slot = slot_of(id);
  read_on(slot.file.perf_map, slot, source);
  return slot.file.perf_map;
}

const JitDump& FileCache::jit_dump(uint64_t id, const ByteSource& source) {
  Slot& slot = slot_of(id);
  read_on(slot.file.jit_dump, slot, source);
  return slot.file.jit_dump;
}

void FileCache::parse_image(Slot& slot, const ByteSource& source) {
  slot.file = {};
  slot.debug.reset();
  slot.index.reset();
  slot.file.stamp = source.stamp();
  auto image = ElfImage::open(source);
  if (image) {
    const ElfImage& parsed = slot.file.image.emplace(std::move(*image));
    slot.file.links = read_debug_links(source, parsed);
    slot.file.links.inflated = dwarf::inflated_size(source, parsed);
  } else {
    slot.file.failure = text_of(image.error());
    slot.file.fault = NamesFault::kDamaged;
  }
  account(slot);
}

void FileCache::parse_symbols(Slot& slot, ElfImage& image, const ByteSource& source) {
  // Building takes more than what is kept in the end.
  make_room();
  ParsedFile& file = slot.file;
  try {
    file.symbols = std::make_unique<SymbolTable>(SymbolTable::build(source, image, limits_));
    if (file.symbols->count(SymbolOrigin::kSymtab) == 0)
      file.starts = FunctionStarts::read(source, image);
  } catch (const std::bad_alloc&) {
    shrink(0);
    file.symbols = std::make_unique<SymbolTable>();
    file.failure = "its symbols need more memory than the worker may use";
    file.fault = NamesFault::kTooLarge;
    account(slot);
    return;
  }
  image.drop_sections();
  for (const std::string& why : file.symbols->notes())
    append_reason(file.failure, why);
  if (!file.symbols->notes().empty())
    file.fault = NamesFault::kDamaged;
  account(slot);
}

void FileCache::open_debug(Slot& slot, const ElfImage& image, NameStyle style,
                           const DebugFds& fds) {
  make_room();
  drop_debug(DebugInfo::kMostMappings);
  ParsedFile& file = slot.file;
  file.debug = nullptr;
  file.debug_symbols.reset();
  file.debug_failure.clear();
  file.debug_fault = NamesFault::kNone;
  try {
    file.debug =
        DebugInfo::open(fds, image.build_id(), file.links,
                        {.style = style, .max_mangled = max_mangled_, .memory = debug_memory_});
    if (file.debug != nullptr && file.debug->debug_source() != nullptr)
      file.debug_symbols = std::make_unique<SymbolTable>(
          SymbolTable::build(*file.debug->debug_source(), file.debug->image(), limits_));
  } catch (const std::bad_alloc&) {
    file.debug = nullptr;
    file.debug_symbols.reset();
    file.debug_failure = "its debug information needs more memory than the worker may use";
    file.debug_fault = NamesFault::kTooLarge;
  }
  if (file.debug != nullptr)
    for (const std::string& why : file.debug->notes()) {
      append_reason(file.debug_failure, why);
      file.debug_fault = NamesFault::kDamaged;
    }
}

void FileCache::drop_debug(size_t wanted) {
  size_t mappings = wanted;
  for (Slot& slot : slots_) {
    const size_t its = (slot.file.debug == nullptr ? 0 : slot.file.debug->mappings()) +
                       (slot.file.index == nullptr ? 0 : kIndexMappings);
    if (its == 0 || mappings + its <= MappedFile::kMaxMappings) {
      mappings += its;
      continue;
    }
    slot.file.debug = nullptr;
    slot.file.debug_symbols.reset();
    slot.debug.reset();
    slot.file.index = nullptr;
    slot.index.reset();
    account(slot);
  }
}

void FileCache::release_pages() const {
  MappedFile::release_pages();
  for (const Slot& slot : slots_)
    if (slot.file.debug != nullptr)
      slot.file.debug->release_pages();
}

void FileCache::account(Slot& slot) {
  memory_ -= slot.memory;
  slot.memory = kSlotMemory + slot.file.perf_map.memory() + slot.file.jit_dump.memory();
  if (slot.file.image)
    slot.memory += slot.file.image->memory();
  if (slot.file.symbols)
    slot.memory += slot.file.symbols->memory() + slot.file.starts.memory();
  if (slot.file.debug != nullptr)
    slot.memory += slot.file.debug->memory();
  if (slot.file.debug_symbols)
    slot.memory += slot.file.debug_symbols->memory();
  if (slot.file.index != nullptr)
    slot.memory += slot.file.index->memory();
  memory_ += slot.memory;
}

void FileCache::shrink(size_t limit) {
  while (slots_.size() > 1 && (memory_ > limit || slots_.size() > kMaxFiles)) {
    memory_ -= slots_.back().memory;
    by_id_.erase(slots_.back().id);
    slots_.pop_back();
  }
}

} // namespace pprofd::symbolizer
