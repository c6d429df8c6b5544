#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <array>

#include "daemon/profile/rows/compression.h"

namespace pprofd {
namespace {

std::string gunzipped(std::string bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::array<char, 1000> out{};
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = out.size();
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  return {out.data(), stream.total_out};
}

TEST(Compression, ANamesEndSaysIt) {
  EXPECT_EQ(compression_of("rows.jsonl.zst"), Compression::kZstd);
  EXPECT_EQ(compression_of("rows.jsonl.gz"), Compression::kGzip);
  EXPECT_EQ(compression_of("rows.jsonl"), Compression::kNone);
  EXPECT_EQ(compression_of("zst"), Compression::kNone);
  for (const auto each : {Compression::kNone, Compression::kGzip, Compression::kZstd})
    EXPECT_EQ(compression_of("rows.jsonl" + std::string(ending_of(each))), each);
}

TEST(Compression, BytesComeBackAsTheyWere) {
  for (const std::string& text : {std::string(), std::string("row\n"), std::string(900, 'x')}) {
    EXPECT_EQ(compressed(text, Compression::kNone), text);
    EXPECT_EQ(gunzipped(compressed(text, Compression::kGzip).value()), text);
    const std::string packed = compressed(text, Compression::kZstd).value();
    std::string out(1000, '\0');
    out.resize(ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size()));
    EXPECT_EQ(out, text);
  }
}

} // namespace
} // namespace pprofd
