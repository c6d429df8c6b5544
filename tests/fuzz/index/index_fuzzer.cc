// Any bytes as an index, its sums made right, so that what is behind them is reached; and what the
// same bytes tell a writer to write, read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "symbolizer/index/reader.h"
#include "symbolizer/index/sum.h"
#include "symbolizer/index/writer.h"

namespace {

using namespace pprofd::symbolizer;

void require(bool condition) {
  if (!condition)
    std::abort();
}

// Looks up addresses all over; returns whether nothing was damaged.
bool look_up(std::span<const std::byte> bytes, std::string_view key, uint64_t base) {
  auto reader = IndexReader::open(bytes, key);
  if (!reader) {
    require(!reader.error().why.empty());
    return false;
  }
  for (uint64_t i = 0; i < 300; ++i) {
    const uint64_t address = base + (i < 256 ? i : uint64_t{1} << (i - 250 + 8));
    const IndexAnswer answer = reader->find({address});
    require(answer.frames.size() <= IndexReader::kMaxFrames);
    for (const IndexFrame& frame : answer.frames) {
      require(!frame.system_name.empty() && frame.system_name.size() <= kMaxIndexText);
      const std::string copy = std::string(frame.system_name) + std::string(frame.file);
      require(copy.size() <= 2 * kMaxIndexText);
    }
  }
  return !reader->damaged();
}

void read_any(std::span<const std::byte> input) {
  IndexHeader header;
  if (input.size() < sizeof header)
    return;
  std::vector<std::byte> bytes(input.begin(), input.end());
  std::memcpy(&header, bytes.data(), sizeof header);
  header.magic = kIndexMagic;
  header.version = kIndexVersion;
  header.file_size = bytes.size();
  header.key_size = static_cast<uint16_t>(std::min<size_t>(header.key_size, kMaxIndexKey));
  const uint64_t pages = (bytes.size() + kIndexPage - 1) / kIndexPage;
  header.data = std::min<uint64_t>(
      sizeof header + std::max<uint64_t>(pages, header.data % 64) * sizeof(uint32_t), bytes.size());
  for (IndexSection& part : header.parts) {
    const uint64_t room = bytes.size() - header.data;
    part.offset = header.data + (room == 0 ? 0 : part.offset % (room + 1));
    part.size %= bytes.size() - part.offset + 1;
  }
  const size_t sums = (bytes.size() - header.data + kIndexPage - 1) / kIndexPage;
  if (header.data - sizeof header < sums * sizeof(uint32_t))
    return;
  for (size_t page = 0; page < sums; ++page) {
    const uint64_t start = header.data + page * kIndexPage;
    const uint32_t sum = index_sum(
        std::span(bytes).subspan(start, std::min<uint64_t>(kIndexPage, bytes.size() - start)));
    std::memcpy(bytes.data() + sizeof header + page * sizeof sum, &sum, sizeof sum);
  }
  header.sum = header_sum(header, std::span(bytes).subspan(sizeof header, sums * sizeof(uint32_t)));
  std::memcpy(bytes.data(), &header, sizeof header);
  look_up(bytes, std::string_view(header.key.data(), header.key_size), header.base);
}

void write_and_read(std::span<const std::byte> input) {
  std::vector<std::byte> room(1 << 16);
  constexpr uint64_t kBase = 0x1000;
  IndexWriter writer(room, kBase);
  uint32_t node = 0;
  uint64_t at = kBase;
  for (size_t i = 0; i + 4 <= input.size(); i += 4) {
    const auto byte = [&](size_t n) { return std::to_integer<uint8_t>(input[i + n]); };
    const uint32_t name = writer.add_name(std::string(byte(1) % 50, 'f'), byte(2));
    node = node == 0 || byte(0) % 4 == 0
               ? writer.add_function(name, at)
               : writer.add_inlined(node, name, writer.add_file(std::string(byte(2) % 9, 'p')),
                                    byte(3), byte(1));
    writer.add(at, {.node = node, .file = 0, .line = byte(3) * 1000U, .column = byte(2)});
    at += byte(0) % 16 + 1;
    if (byte(3) == 0)
      writer.end_run(at++);
  }
  writer.end_run(at);
  const auto size = writer.finish("key");
  if (size)
    require(look_up(std::span(room).first(*size), "key", kBase));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read_any(input);
  write_and_read(input);
  return 0;
}
