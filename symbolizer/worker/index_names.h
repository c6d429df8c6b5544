// Names and lines from a file's index, as a NameFinder finds them without one. Holds the index
// mapped. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/mapped_file.h"
#include "symbolizer/index/reader.h"
#include "symbolizer/worker/found_names.h"

namespace pprofd::symbolizer {

class IndexNames {
public:
  // nullptr: it is no index of that key, or damaged as far as was looked. The descriptor is not
  // kept.
  static std::unique_ptr<IndexNames> open(int fd, std::string_view key, NameStyle style,
                                          size_t max_mangled);

  // Nothing where the index is damaged. Valid until the next call.
  std::optional<FoundNames> find(ElfAddress address);

  [[nodiscard]] size_t memory() const; // bytes held, about

private:
  // The texts of one answer have to fit, whatever was there before.
  static constexpr size_t kNameBytes =
      IndexReader::kMaxFrames * (kMaxDemangled + 256) + (size_t{4} << 20);

  IndexNames(MappedFile file, IndexReader reader, NameStyle style, size_t max_mangled)
      : file_(std::move(file)), reader_(std::move(reader)), style_(style),
        max_mangled_(max_mangled) {}
  std::string_view readable(std::string_view name);

  MappedFile file_;
  IndexReader reader_;
  NameStyle style_;
  size_t max_mangled_;
  LruCache<const char*, std::string> readable_{kNameBytes}; // by where the name is in the index
  std::vector<dwarf::Frame> frames_;
};

} // namespace pprofd::symbolizer
