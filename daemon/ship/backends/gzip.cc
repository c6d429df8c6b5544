#include "daemon/ship/backends/gzip.h"

#include <zlib.h>

namespace pprofd::ship {

Result<std::string> gzip(std::string_view bytes) {
  constexpr int kLevel = 3; // as for the profiles themselves
  constexpr int kWindow = 15 + 16;
  constexpr int kMemory = 9;
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    return fail("compress", "there is no memory");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END)
    return fail("compress", "zlib failed");
  return out;
}

} // namespace pprofd::ship
