#include "symbolizer/elf/debug_links.h"

#include <elf.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace pprofd::symbolizer {
namespace {

constexpr size_t kMaxName = 4096;
constexpr size_t kMaxId = 64;
constexpr size_t kMaxSection = kMaxName + 1 + kMaxId;
constexpr size_t kCrcBlock = 64 << 10;

// A section of a name and something behind it.
struct NamedBytes {
  std::string name;
  std::vector<std::byte> bytes; // the whole section
};

NamedBytes read_named(const ByteSource& source, const ElfImage& image, std::string_view section) {
  NamedBytes result;
  const ElfSection* const found = image.find_section(section);
  if (found == nullptr || found->type == SHT_NOBITS)
    return result;
  auto bytes = source.read_copy(found->offset, found->size, kMaxSection);
  if (!bytes)
    return result;
  const auto end = std::ranges::find(*bytes, std::byte{0});
  if (end == bytes->end())
    return result;
  result.name.assign(reinterpret_cast<const char*>(bytes->data()),
                     static_cast<size_t>(end - bytes->begin()));
  result.bytes = std::move(*bytes);
  return result;
}

void read_link(const ByteSource& source, const ElfImage& image, DebugLinks& links) {
  NamedBytes link = read_named(source, image, ".gnu_debuglink");
  const size_t crc_at = (link.name.size() + 1 + 3) / 4 * 4;
  if (link.bytes.size() < crc_at + sizeof links.crc)
    return;
  std::memcpy(&links.crc, link.bytes.data() + crc_at, sizeof links.crc);
  links.name = std::move(link.name);
}

void read_supplementary(const ByteSource& source, const ElfImage& image, DebugLinks& links) {
  NamedBytes link = read_named(source, image, ".gnu_debugaltlink");
  const auto id = std::span(link.bytes).subspan(std::min(link.name.size() + 1, link.bytes.size()));
  if (id.empty() || id.size() > kMaxId)
    return;
  links.supplementary_id.assign(id.begin(), id.end());
  links.supplementary = std::move(link.name);
}

} // namespace

DebugLinks read_debug_links(const ByteSource& source, const ElfImage& image) {
  DebugLinks links;
  links.inside = std::ranges::any_of(image.sections(), [&](const ElfSection& section) {
    const std::string_view name = image.name_of(section);
    return (name == ".debug_info" || name == ".zdebug_info") && section.type != SHT_NOBITS;
  });
  read_link(source, image, links);
  read_supplementary(source, image, links);
  return links;
}

uint32_t debug_link_crc(const ByteSource& source) {
  std::array<std::byte, kCrcBlock> block;
  uint32_t crc = 0;
  uint64_t offset = 0;
  while (offset < source.size()) {
    const size_t size = source.read_some(offset, block);
    if (size == 0)
      return 0;
    crc = ::libdeflate_crc32(crc, block.data(), size);
    offset += size;
  }
  return crc;
}

} // namespace pprofd::symbolizer
