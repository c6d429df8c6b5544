#include "daemon/profile/rows/compression.h"

#include <zstd.h>

#include "daemon/profile/gzip.h"

namespace pprofd {

namespace {

constexpr std::string_view kGzipEnding = ".gz";
constexpr std::string_view kZstdEnding = ".zst";

Result<std::string> zstd(std::string_view bytes) {
  constexpr int kLevel = 3; // its own default
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size) != 0)
    return fail("compress", ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

} // namespace

Compression compression_of(std::string_view name) {
  if (name.ends_with(kGzipEnding))
    return Compression::kGzip;
  return name.ends_with(kZstdEnding) ? Compression::kZstd : Compression::kNone;
}

std::string_view ending_of(Compression compression) {
  if (compression == Compression::kNone)
    return {};
  return compression == Compression::kGzip ? kGzipEnding : kZstdEnding;
}

Result<std::string> compressed(std::string_view bytes, Compression compression) {
  if (compression == Compression::kNone)
    return std::string(bytes);
  return compression == Compression::kGzip ? gzip(bytes) : zstd(bytes);
}

} // namespace pprofd
