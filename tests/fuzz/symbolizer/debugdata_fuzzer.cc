// Any bytes as .gnu_debugdata: the xz stream, and as what stands in it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "symbolizer/elf/image.h"
#include "symbolizer/symbols/xz.h"

using namespace pprofd::symbolizer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto source = ByteSource::of_memory(std::as_bytes(std::span(data, size)));
  const XzLimits limits{.dictionary = 4 << 20, .output = 1 << 20};
  const auto inflated = inflate_xz(source, 0, size, limits);
  if (!inflated) {
    if (inflated.error().why.empty())
      std::abort();
    return 0;
  }
  if (inflated->bytes().size() > limits.output + (512 << 10))
    std::abort();
  static_cast<void>(ElfImage::open(ByteSource::of_memory(inflated->bytes())));
  return 0;
}
