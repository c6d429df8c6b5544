// Reads little-endian values and LEB128 numbers from bytes of ours, checked. Once something did not
// fit, failed() holds, every further value is 0 and nothing is left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace pprofd::symbolizer {

class Cursor {
public:
  Cursor() = default;
  explicit Cursor(std::span<const std::byte> bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] size_t left() const { return static_cast<size_t>(end_ - at_); }
  [[nodiscard]] size_t position() const { return static_cast<size_t>(at_ - begin_); }
  [[nodiscard]] std::span<const std::byte> rest() const { return {at_, left()}; }
  [[nodiscard]] std::span<const std::byte> all() const { return {begin_, end_}; }

  template <typename T> T read() {
    T value{};
    if (left() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  uint8_t u8() { return read<uint8_t>(); }

  // Numbers of more than 64 bits fail.
  uint64_t uleb() {
    if (at_ != end_ && std::to_integer<uint8_t>(*at_) < 0x80)
      return std::to_integer<uint8_t>(*at_++);
    return long_uleb();
  }
  int64_t sleb() {
    if (at_ != end_ && std::to_integer<uint8_t>(*at_) < 0x80) {
      // Bit 6 is the sign.
      const auto byte = std::to_integer<uint8_t>(*at_++);
      return static_cast<int64_t>(byte) - ((byte & 0x40) << 1);
    }
    return long_sleb();
  }

  std::span<const std::byte> bytes(uint64_t count) {
    if (count > left()) {
      fail();
      return {};
    }
    const std::span<const std::byte> taken(at_, count);
    at_ += count;
    return taken;
  }
  void skip(uint64_t count) { bytes(count); }

  // Up to a NUL, which is skipped.
  std::string_view text() {
    const auto* start = reinterpret_cast<const char*>(at_);
    const size_t length = ::strnlen(start, left());
    if (length == left()) {
      fail();
      return {};
    }
    at_ += length + 1;
    return {start, length};
  }

private:
  void fail() {
    failed_ = true;
    at_ = end_;
  }
  uint64_t long_uleb();
  int64_t long_sleb();

  const std::byte* begin_ = nullptr;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  bool failed_ = false;
};

} // namespace pprofd::symbolizer
