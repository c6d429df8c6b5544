#include "symbolizer/worker/mapped_elf.h"

#include <utility>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

std::optional<MappedElf> MappedElf::open(int fd) {
  auto mapping = MappedFile::open(fd);
  if (!mapping)
    return std::nullopt;
  auto image = ElfImage::open(ByteSource::of_memory(mapping->bytes()));
  if (!image)
    return std::nullopt;
  return MappedElf{.mapping = std::move(*mapping), .image = std::move(*image)};
}

} // namespace pprofd::symbolizer
