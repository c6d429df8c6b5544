#include "symbolizer/symbols/xz.h"

#include <lzma.h>

#include <algorithm>
#include <array>
#include <string>

namespace pprofd::symbolizer {
namespace {

// Owns the decoder's state.
class Decoder {
public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { lzma_end(&stream_); }
  lzma_stream& stream() { return stream_; }

private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

std::string text_of(lzma_ret code) {
  switch (code) {
  case LZMA_MEM_ERROR:
    return "no memory to inflate it";
  case LZMA_MEMLIMIT_ERROR:
    return "its dictionary is larger than what is inflated";
  case LZMA_FORMAT_ERROR:
    return "not an xz stream";
  case LZMA_OPTIONS_ERROR:
    return "an xz stream with unknown options";
  default:
    return "a damaged xz stream";
  }
}

} // namespace

bool InflatedBytes::reserve_more(size_t size) {
  if (capacity_ - size_ >= size)
    return true;
  const size_t wanted = std::max(size_ + size, capacity_ + capacity_ / 2);
  auto* grown = static_cast<std::byte*>(std::realloc(data_.get(), wanted));
  if (grown == nullptr)
    return false;
  static_cast<void>(data_.release()); // realloc() freed or kept it
  data_.reset(grown);
  capacity_ = wanted;
  return true;
}

Result<InflatedBytes> inflate_xz(const ByteSource& source, uint64_t offset, uint64_t size,
                                 const XzLimits& limits) {
  if (offset > source.size() || size > source.size() - offset)
    return fail("", "it reaches beyond the end of the file");
  Decoder decoder;
  lzma_stream& stream = decoder.stream();
  if (lzma_stream_decoder(&stream, limits.dictionary, 0) != LZMA_OK)
    return fail("", "no memory to inflate it");

  constexpr size_t kStep = 256 << 10;
  std::array<std::byte, 16 << 10> input{};
  InflatedBytes output;
  for (;;) {
    if (stream.avail_in == 0 && size != 0) {
      const size_t got =
          source.read_some(offset, std::span(input).first(std::min<uint64_t>(input.size(), size)));
      if (got == 0)
        return fail("", "the file became shorter or could not be read");
      stream.next_in = reinterpret_cast<const uint8_t*>(input.data());
      stream.avail_in = got;
      offset += got;
      size -= got;
    }
    if (output.bytes().size() > limits.output)
      return fail("", "it inflates to more than " + std::to_string(limits.output) + " bytes");
    if (!output.reserve_more(kStep))
      return fail("", "no memory to inflate it");
    const std::span<std::byte> room = output.room();
    stream.next_out = reinterpret_cast<uint8_t*>(room.data());
    stream.avail_out = room.size();
    const lzma_ret code = lzma_code(&stream, size == 0 ? LZMA_FINISH : LZMA_RUN);
    output.commit(room.size() - stream.avail_out);
    if (code == LZMA_STREAM_END)
      return output;
    if (code != LZMA_OK)
      return fail("", text_of(code));
  }
}

} // namespace pprofd::symbolizer
