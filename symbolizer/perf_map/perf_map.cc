#include "symbolizer/perf_map/perf_map.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

namespace pprofd::symbolizer {
namespace {

constexpr size_t kChunk = 256 << 10; // a longer line is no function's

// The hexadecimal number that `text` begins with, and the blank behind it; both are taken away.
std::optional<uint64_t> take_number(std::string_view& text) {
  if (text.starts_with("0x"))
    text.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end == text.data() + text.size() || *end != ' ')
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return value;
}

} // namespace

void PerfMap::read(const ByteSource& source) {
  std::vector<std::byte> chunk(kChunk);
  while (!full()) {
    const size_t got = source.read_some(consumed_, chunk);
    const std::string_view text(reinterpret_cast<const char*>(chunk.data()), got);
    size_t at = 0;
    for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', at)) {
      take_line(text.substr(at, end - at), consumed_ + at);
      at = end + 1;
    }
    if (at == 0 && got == kChunk) {
      ++malformed_;
      at = got;
    }
    if (at == 0)
      return;
    consumed_ += at;
  }
}

void PerfMap::take_line(std::string_view line, uint64_t offset) {
  if (full())
    return;
  std::string_view rest = line;
  const auto start = take_number(rest);
  const auto size = start ? take_number(rest) : std::nullopt;
  if (!size || *size == 0 || *size > UINT64_MAX - *start || rest.empty()) {
    ++malformed_;
    return;
  }
  insert(*start, {.end = *start + *size,
                  .name_offset = offset + (line.size() - rest.size()),
                  .name_size = static_cast<uint32_t>(std::min(rest.size(), kMostName))});
}

// What the new function overlaps was there before it: it keeps what lies in front of the new one.
void PerfMap::insert(uint64_t start, const Place& place) {
  auto at = functions_.upper_bound(start);
  if (at != functions_.begin() && std::prev(at)->first < start)
    std::prev(at)->second.end = std::min(std::prev(at)->second.end, start);
  while (at != functions_.end() && at->first < place.end)
    at = functions_.erase(at);
  functions_.insert_or_assign(start, place);
}

std::optional<PerfMap::Function> PerfMap::find(const ByteSource& source, uint64_t address) const {
  const auto after = functions_.upper_bound(address);
  if (after == functions_.begin())
    return std::nullopt;
  const auto& [start, place] = *std::prev(after);
  if (address >= place.end)
    return std::nullopt;
  std::string name(place.name_size, '\0');
  if (!source.read(place.name_offset, std::as_writable_bytes(std::span(name))))
    return std::nullopt;
  return Function{.start = start, .name = std::move(name)};
}

size_t PerfMap::memory() const {
  constexpr size_t kNode = 40; // of a tree, beside its value
  return functions_.size() * (kNode + sizeof(uint64_t) + sizeof(Place));
}

} // namespace pprofd::symbolizer
