#include "daemon/profile/gzip.h"

#include <zlib.h>

#include <limits>

namespace pprofd {

Result<std::string> gzip(std::string_view bytes) {
  // Larger levels take more of the machine that is being profiled than they save.
  constexpr int kLevel = 3;
  constexpr int kWindow = 15 + 16; // 15 bits of window, gzip's header and trailer around the data
  constexpr int kMemory = 9;
  constexpr const char* kWhat = "compress";
  if (bytes.size() > std::numeric_limits<uInt>::max() / 2)
    return fail(kWhat, "it is larger than 2 GB");
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    return fail(kWhat, "there is no memory");
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
    return fail(kWhat, "zlib failed");
  return out;
}

} // namespace pprofd
