#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer {
namespace {

constexpr uint8_t kMore = 0x80;
constexpr uint8_t kSign = 0x40;
constexpr unsigned kLastShift = 63;

} // namespace

uint64_t Cursor::long_uleb() {
  uint64_t value = 0;
  for (unsigned shift = 0; at_ != end_; shift += 7) {
    const auto byte = std::to_integer<uint8_t>(*at_++);
    const uint64_t bits = byte & ~kMore;
    // Leading zeros may be written out, bits beyond the 64th may not.
    if (bits != 0 && (shift > kLastShift || (shift == kLastShift && bits > 1)))
      break;
    if (shift <= kLastShift)
      value |= bits << shift;
    if ((byte & kMore) == 0)
      return value;
  }
  fail();
  return 0;
}

int64_t Cursor::long_sleb() {
  uint64_t value = 0;
  for (unsigned shift = 0; at_ != end_; shift += 7) {
    const auto byte = std::to_integer<uint8_t>(*at_++);
    const uint64_t bits = byte & ~kMore;
    const bool only_sign = bits == 0 || bits == (kMore - 1);
    if (shift >= kLastShift && !only_sign)
      break;
    if (shift <= kLastShift)
      value |= bits << shift;
    if ((byte & kMore) == 0) {
      if (shift + 7 <= kLastShift && (byte & kSign) != 0)
        value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
  }
  fail();
  return 0;
}

} // namespace pprofd::symbolizer
