#include "symbolizer/index/writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <utility>

#include "symbolizer/elf/cursor.h"
#include "symbolizer/index/sum.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kFirstSlots = 1 << 12;
constexpr size_t kMapShare = 48; // of an entry of a map, about

// Some numbers as they are written.
class Encoder {
public:
  Encoder& uleb(uint64_t value) {
    do {
      const auto low = static_cast<uint8_t>(value & 0x7f);
      value >>= 7;
      put(value != 0 ? low | 0x80 : low);
    } while (value != 0);
    return *this;
  }
  Encoder& sleb(int64_t value) {
    for (;;) {
      const auto low = static_cast<uint8_t>(value & 0x7f);
      value >>= 7;
      const bool last = (value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0);
      put(last ? low : low | 0x80);
      if (last)
        return *this;
    }
  }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(bytes_).first(size_));
  }

private:
  void put(int byte) { bytes_.at(size_++) = static_cast<uint8_t>(byte); }

  std::array<uint8_t, 64> bytes_{};
  size_t size_ = 0;
};

void append_bytes(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

int64_t difference(uint32_t to, uint32_t from) {
  return int64_t{to} - int64_t{from};
}

template <typename T> std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

} // namespace

IndexWriter::IndexWriter(std::span<std::byte> room, uint64_t base)
    : room_(room), base_(base), slots_(kFirstSlots) {
  data_ = sizeof(IndexHeader) + (room.size() / kIndexPage + 1) * sizeof(uint32_t);
  if (data_ > room.size()) {
    full_ = true;
    return;
  }
  // Places are 32 bits, less the one that stands for none.
  const auto grown = room.subspan(data_);
  const auto share = [&](size_t from, size_t to) {
    const size_t first = grown.size() * from / 8;
    const size_t size = grown.size() * to / 8 - first;
    return grown.subspan(first, std::min<size_t>(size, UINT32_MAX - 1));
  };
  pieces_.room = share(0, 3);
  nodes_.room = share(3, 6);
  texts_.room = share(6, 8);
}

size_t IndexWriter::memory() const {
  return blocks_.capacity() * sizeof(IndexBlock) + names_.capacity() +
         files_.capacity() * sizeof(uint32_t) + slots_.capacity() * sizeof(TextSlot) +
         (file_of_.size() + name_of_.size()) * kMapShare;
}

void IndexWriter::append(Region& region, std::span<const std::byte> bytes) {
  full_ = full_ || bytes.size() > region.room.size() - region.used;
  if (full_)
    return;
  std::memcpy(region.room.data() + region.used, bytes.data(), bytes.size());
  region.used += bytes.size();
}

uint32_t IndexWriter::add_text(std::string_view text) {
  text = text.substr(0, kMaxIndexText);
  const size_t whole = std::hash<std::string_view>()(text);
  const auto hash = static_cast<uint32_t>(whole >> 32);
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at].place != 0; at = (at + 1) & mask)
    if (slots_[at].hash == hash && text_at(slots_[at].place - 1) == text)
      return slots_[at].place - 1;
  const auto place = static_cast<uint32_t>(texts_.used);
  append(texts_, Encoder().uleb(text.size()).bytes());
  append(texts_, std::as_bytes(std::span(text)));
  slots_[at] = {.hash = hash, .place = place + 1};
  if (++known_texts_ * 2 > slots_.size())
    grow_texts();
  return place;
}

std::string_view IndexWriter::text_at(uint32_t place) const {
  Cursor cursor(std::span<const std::byte>(texts_.room).subspan(place, texts_.used - place));
  const auto bytes = cursor.bytes(cursor.uleb());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void IndexWriter::grow_texts() {
  std::vector<TextSlot> grown(slots_.size() * 2);
  for (const TextSlot& slot : slots_) {
    if (slot.place == 0)
      continue;
    size_t at = slot.hash & (grown.size() - 1);
    while (grown[at].place != 0)
      at = (at + 1) & (grown.size() - 1);
    grown[at] = slot;
  }
  slots_ = std::move(grown);
  full_ = full_ || memory() > kMaxBytes;
}

uint32_t IndexWriter::add_file(std::string_view path) {
  if (path.empty() || full_)
    return 0;
  const auto [known, is_new] =
      file_of_.try_emplace(add_text(path), static_cast<uint32_t>(files_.size() + 1));
  if (is_new)
    files_.push_back(known->first);
  return known->second;
}

uint32_t IndexWriter::add_name(std::string_view system_name, uint32_t start_line) {
  if (system_name.empty() || full_)
    return 0;
  const uint32_t text = add_text(system_name);
  const auto [known, is_new] = name_of_.try_emplace(uint64_t{text} << 32 | start_line,
                                                    static_cast<uint32_t>(names_.size() + 1));
  if (is_new)
    append_bytes(names_, Encoder().uleb(start_line).uleb(text).bytes());
  return known->second;
}

uint32_t IndexWriter::add_function(uint32_t name, uint64_t start) {
  const auto place = static_cast<uint32_t>(nodes_.used + 1);
  append(nodes_, Encoder().uleb(0).uleb(name).uleb(start == 0 ? 0 : start - base_ + 1).bytes());
  return full_ ? 0 : place;
}

uint32_t IndexWriter::add_inlined(uint32_t caller, uint32_t name, uint32_t file, uint32_t line,
                                  uint32_t column) {
  const auto place = static_cast<uint32_t>(nodes_.used + 1);
  append(nodes_,
         Encoder().uleb(place - caller).uleb(name).uleb(file).uleb(line).uleb(column).bytes());
  return full_ ? 0 : place;
}

void IndexWriter::add(uint64_t address, const IndexPlace& place) {
  const uint64_t relative = address - base_;
  full_ = full_ || address < base_ || relative > UINT32_MAX;
  // Each run ends with nothing, and so does what is before the first.
  if (full_ || (block_pieces_ != 0 ? place == last_ : place == IndexPlace()))
    return;
  if (block_pieces_ >= kPiecesPerBlock || block_.size() >= kMaxBlockBytes / 2)
    end_block();
  if (block_pieces_ == 0) {
    block_start_ = last_address_ = static_cast<uint32_t>(relative);
    last_ = {};
  }
  add_piece(static_cast<uint32_t>(relative), place);
}

void IndexWriter::add_piece(uint32_t address, const IndexPlace& place) {
  const uint64_t bits = (place.node != last_.node ? kNodeFollows : 0) |
                        (place.file != last_.file ? kFileFollows : 0) |
                        (place.line != last_.line ? kLineFollows : 0) |
                        (place.column != last_.column ? kColumnFollows : 0);
  Encoder encoder;
  encoder.uleb(uint64_t{address - last_address_} << kPieceBits | bits);
  if ((bits & kNodeFollows) != 0)
    encoder.sleb(difference(place.node, last_.node));
  if ((bits & kFileFollows) != 0)
    encoder.sleb(difference(place.file, last_.file));
  if ((bits & kLineFollows) != 0)
    encoder.sleb(difference(place.line, last_.line));
  if ((bits & kColumnFollows) != 0)
    encoder.uleb(place.column);
  append_bytes(block_, encoder.bytes());
  ++block_pieces_;
  last_address_ = address;
  last_ = place;
}

void IndexWriter::end_run(uint64_t end) {
  if (block_pieces_ == 0)
    return;
  if (last_ != IndexPlace() && end - base_ <= UINT32_MAX)
    add_piece(static_cast<uint32_t>(end - base_), {});
  end_block();
}

void IndexWriter::end_block() {
  blocks_.push_back({.start = block_start_, .pieces = static_cast<uint32_t>(pieces_.used)});
  append(pieces_, Encoder().uleb(block_pieces_).bytes());
  append(pieces_, block_);
  block_.clear();
  block_pieces_ = 0;
  last_ = {};
  full_ = full_ || memory() > kMaxBytes;
}

Result<uint64_t> IndexWriter::finish(std::string_view key) {
  if (full_)
    return fail("", "the index has no room");
  if (key.size() > kMaxIndexKey)
    return fail("", "the index's key is too long");
  std::ranges::sort(blocks_, {}, [](const IndexBlock& block) {
    return std::make_pair(block.start, block.pieces);
  });
  const auto used = [](const Region& region) {
    return std::span<const std::byte>(region.room).first(region.used);
  };
  // In the order of IndexPart, but those in the room first: they move down.
  IndexHeader header;
  header.magic = kIndexMagic;
  header.version = kIndexVersion;
  header.base = base_;
  header.data = data_;
  header.key_size = static_cast<uint16_t>(key.size());
  std::ranges::copy(key, header.key.begin());
  struct Part {
    IndexPart part;
    std::span<const std::byte> bytes;
  };
  const std::array parts = {
      Part{IndexPart::kPieces, used(pieces_)},   Part{IndexPart::kNodes, used(nodes_)},
      Part{IndexPart::kTexts, used(texts_)},     Part{IndexPart::kBlocks, bytes_of(blocks_)},
      Part{IndexPart::kNames, bytes_of(names_)}, Part{IndexPart::kFiles, bytes_of(files_)}};
  uint64_t at = data_;
  for (const Part& part : parts) {
    if (part.bytes.size() > room_.size() - at)
      return fail("", "the index has no room");
    if (!part.bytes.empty())
      std::memmove(room_.data() + at, part.bytes.data(), part.bytes.size());
    header.parts.at(static_cast<size_t>(part.part)) = {.offset = at, .size = part.bytes.size()};
    at += part.bytes.size();
  }
  header.file_size = at;
  write_sums(header);
  return at;
}

void IndexWriter::write_sums(IndexHeader& header) {
  std::vector<uint32_t> sums;
  for (uint64_t at = header.data; at < header.file_size; at += kIndexPage)
    sums.push_back(
        index_sum(room_.subspan(at, std::min<uint64_t>(kIndexPage, header.file_size - at))));
  const auto bytes = bytes_of(sums);
  std::ranges::copy(bytes, room_.subspan(sizeof header).begin());
  header.sum = header_sum(header, bytes);
  std::memcpy(room_.data(), &header, sizeof header);
}

} // namespace pprofd::symbolizer
