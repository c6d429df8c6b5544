// Lines and inlined functions of one file: by its DWARF, or of a Go program by Go's own table,
// which stripping leaves. Holds the file mapped, so that it can be asked again when the descriptor
// is gone.
//
// The file may be anybody's: see dwarf/lookup.h and go/symbols.h for what a look-up costs. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/debug_links.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/go/symbols.h"
#include "symbolizer/worker/mapped_elf.h"
#include "symbolizer/worker/scratch.h"
#include "symbolizer/worker/split_files.h"

namespace pprofd::symbolizer {

// What debug information is read from. The descriptors are not kept.
struct DebugFds {
  int file = -1;          // the file itself
  int debug = -1;         // one that has its debug information; -1: none
  int supplementary = -1; // what dwz has put aside from the one with the information; -1: none
  int package = -1;       // of its split units; -1: none
  int scratch = -1;       // a file of ours to inflate sections into; -1: none
  // Of split units, where there is no package; empty: they are not to be had.
  FetchSplitFiles split_files = {};
};

struct DebugOptions {
  NameStyle style = NameStyle::kFull;
  size_t max_mangled = kMaxMangled;
  uint64_t memory = 0; // bytes it may come to
};

class DebugInfo {
public:
  static constexpr size_t kMostMappings = 3 + SplitFiles::kMost + SplitFiles::kMostCandidates;

  // nullptr: there is none, or the file cannot be mapped. A debug file that does not belong to the
  // file, of which `build_id` and `links` are, is not used; notes() tell.
  static std::unique_ptr<DebugInfo> open(const DebugFds& fds, std::span<const std::byte> build_id,
                                         const DebugLinks& links, const DebugOptions& options);

  // The innermost function first; empty: nothing is known of the address. Valid until the next
  // call.
  std::span<const dwarf::Frame> find(ElfAddress address);

  // All of them, in an order that needs little work: `found` is called for each with its index.
  using Found = std::function<void(size_t, std::span<const dwarf::Frame>)>;
  void find_all(std::span<const ElfAddress> addresses, const Found& found);

  // Whether the outermost frame has the name that belongs into a profile. Otherwise the symbol
  // table's goes before it.
  [[nodiscard]] bool names_are_final() const { return go_.has_value(); }
  // For the look-ups from now on, where split units have files of their own.
  void fetch_split_files_by(FetchSplitFiles fetch) { split_files_.fetch_by(std::move(fetch)); }
  // Whether there are such units: what is known without their files is not all.
  [[nodiscard]] bool has_split_files() const {
    return dwarf_ != nullptr && dwarf_->has_split_units() && !package_;
  }
  // Why inlined functions are missing; empty: no unit that was read lacks its other part.
  [[nodiscard]] std::string missing_split_units() const;
  [[nodiscard]] size_t mappings() const { return has_split_files() ? kMostMappings : 3; } // at most

  // nullptr: there is no DWARF.
  [[nodiscard]] dwarf::DwarfLookup* dwarf() const { return dwarf_.get(); }
  // Whether what was read was not in the file any more.
  [[nodiscard]] bool changed() const;
  [[nodiscard]] NameStyle style() const { return style_; }
  // Whether there is more than a debug file's symbols.
  [[nodiscard]] bool has_lines() const { return go_.has_value() || dwarf_ != nullptr; }
  // The separate debug file, which has symbols of its own; nullptr: there is none.
  [[nodiscard]] const ByteSource* debug_source() const { return separate_ ? &source_ : nullptr; }
  [[nodiscard]] const ElfImage& image() const { return image_; }
  // What could not be used and why.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] size_t memory() const; // bytes held, about
  // As MappedFile's, of inflated sections.
  void release_pages() const {
    if (scratch_)
      scratch_->release_pages();
  }

private:
  static bool belongs(const MappedElf& file, std::span<const std::byte> build_id,
                      const DebugLinks& links);

  DebugInfo(MappedElf file, const DebugOptions& options);

  void open_go();
  dwarf::SectionOptions section_options(const DebugOptions& options, bool split = false);
  void open_supplementary(int fd, const DebugLinks& links, const DebugOptions& options);
  void open_package(int fd, const DebugOptions& options);
  void open_dwarf(const DebugOptions& options);
  void forget_changed();
  std::span<const dwarf::Frame> find_go(go::Symbols& symbols, ElfAddress address);

  MappedFile file_;
  ByteSource source_; // of file_
  ElfImage image_;
  NameStyle style_;
  bool separate_ = false;
  std::optional<Scratch> scratch_;
  std::optional<go::Symbols> go_;
  std::optional<MappedElf> supplementary_;
  std::optional<dwarf::SectionFile> supplementary_sections_;
  std::optional<MappedElf> package_;
  std::optional<dwarf::SectionFile> package_sections_;
  std::optional<dwarf::SectionFile> sections_;
  SplitFiles split_files_;
  std::unique_ptr<dwarf::DwarfLookup> dwarf_;
  std::vector<std::string> notes_;
  std::vector<go::Frame> go_frames_; // what frames_ shows
  std::vector<dwarf::Frame> frames_;
};

} // namespace pprofd::symbolizer
