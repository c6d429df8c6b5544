#include "symbolizer/unwind/cfi/pointer.h"

namespace pprofd::symbolizer::cfi {
namespace {

constexpr uint64_t kPointerSize = 8;

std::optional<uint64_t> read_form(Cursor& cursor, uint8_t form) {
  switch (form) {
  case kAbsolute:
  case kUnsigned8:
  case kSigned8:
    return cursor.read<uint64_t>();
  case kUleb128:
    return cursor.uleb();
  case kUnsigned2:
    return cursor.read<uint16_t>();
  case kUnsigned4:
    return cursor.read<uint32_t>();
  case kSleb128:
    return static_cast<uint64_t>(cursor.sleb());
  case kSigned2:
    return static_cast<uint64_t>(int64_t{cursor.read<int16_t>()});
  case kSigned4:
    return static_cast<uint64_t>(int64_t{cursor.read<int32_t>()});
  default:
    return std::nullopt;
  }
}

} // namespace

std::optional<uint64_t> read_any_pointer(Cursor& cursor, uint8_t encoding,
                                         const PointerBase& base) {
  if (encoding == kOmitted)
    return std::nullopt;
  const uint64_t place = base.cursor_start + cursor.position();
  const uint8_t application = encoding & kApplicationMask;
  if (application == kAligned) {
    if ((encoding & kFormMask) != kAbsolute)
      return std::nullopt;
    cursor.skip((kPointerSize - place % kPointerSize) % kPointerSize);
    const auto value = cursor.read<uint64_t>();
    return cursor.failed() ? std::nullopt : std::optional(value);
  }
  const auto value = read_form(cursor, encoding & kFormMask);
  if (!value || cursor.failed())
    return std::nullopt;
  switch (application) {
  case 0:
  case kRelativeToText:
    return value;
  case kRelativeToPc:
    return place + *value;
  case kRelativeToData:
    return base.data + *value;
  case kRelativeToFunction:
    return base.function + *value;
  default:
    return std::nullopt;
  }
}

bool skip_pointer(Cursor& cursor, uint8_t encoding, const PointerBase& base) {
  return encoding == kOmitted || read_pointer(cursor, encoding, base).has_value();
}

} // namespace pprofd::symbolizer::cfi
