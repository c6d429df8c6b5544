#include "daemon/profile/wire_scan.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "daemon/profile/utf8.h"
#include "proto/profile.pb.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

constexpr const char* kWhat = "not a pprof profile";

struct Field {
  uint64_t number = 0;
  unsigned wire_type = 0;
  std::string_view payload; // of a length-delimited field
};

// Takes fields off the front of a message.
class FieldReader {
public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] size_t remaining() const { return rest_.size(); }

  // Whether another whole field was there.
  bool next(Field& field) {
    uint64_t tag = 0;
    if (!varint(tag))
      return false;
    field.number = tag >> 3;
    field.wire_type = tag & 7;
    uint64_t value = 0;
    switch (field.wire_type) {
    case 0:
      return field.number != 0 && varint(value);
    case 1:
      return field.number != 0 && skip(8, field);
    case 2:
      return field.number != 0 && varint(value) && skip(value, field);
    case 5:
      return field.number != 0 && skip(4, field);
    default:
      return false; // groups do not occur in profiles
    }
  }

private:
  bool varint(uint64_t& value) {
    value = 0;
    for (unsigned i = 0; i < 10 && i < rest_.size(); i++) {
      auto byte = static_cast<uint8_t>(rest_[i]);
      value |= uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  bool skip(uint64_t length, Field& field) {
    if (length > rest_.size())
      return false;
    field.payload = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
};

enum class Kind : uint8_t { Unknown, Number, Numbers, String, Message };

struct Shape {
  const char* name;
  size_t size;                 // in memory
  std::array<Kind, 16> fields; // by number
  // The shape of the nested message in field i.
  const Shape* (*nested)(uint64_t field);
};

constexpr size_t kAllocation = 32; // a pointer to it and what the allocator adds
constexpr auto N = Kind::Number;
constexpr auto U = Kind::Unknown;

const Shape* no_messages(uint64_t /*field*/) {
  return nullptr;
}

constexpr Shape kNumbersOnly{
    "a line, label or type", sizeof(proto::Label), {U, N, N, N, N, U}, no_messages};
constexpr Shape kMapping{
    "a mapping", sizeof(proto::Mapping), {U, N, N, N, N, N, N, N, N, N, N, U}, no_messages};
constexpr Shape kFunction{"a function", sizeof(proto::Function), {U, N, N, N, N, N}, no_messages};
constexpr Shape kLocation{"a location",
                          sizeof(proto::Location),
                          {U, N, N, N, Kind::Message, N},
                          [](uint64_t) { return &kNumbersOnly; }};
constexpr Shape kSample{"a sample",
                        sizeof(proto::Sample),
                        {U, Kind::Numbers, Kind::Numbers, Kind::Message},
                        [](uint64_t) { return &kNumbersOnly; }};

constexpr uint64_t kStringTable = 6;
constexpr uint64_t kComment = 13;

constexpr Shape kProfile{
    "the profile",
    sizeof(proto::Profile),
    {U, Kind::Message, Kind::Message, Kind::Message, Kind::Message, Kind::Message, Kind::String, N,
     N, N, N, Kind::Message, N, Kind::Numbers, N, N},
    [](uint64_t field) {
      constexpr std::array kNested{&kNumbersOnly, &kSample, &kMapping, &kLocation, &kFunction};
      return field <= kNested.size() ? kNested[field - 1] : &kNumbersOnly;
    }};

// Fields of the profile that stand once in a message.
bool singular(uint64_t field) {
  return field > kStringTable && field < kProfile.fields.size() && field != kComment;
}

size_t count_varints(std::string_view packed) {
  return static_cast<size_t>(
      std::ranges::count_if(packed, [](char c) { return static_cast<uint8_t>(c) < 0x80; }));
}

bool wire_type_fits(Kind kind, unsigned wire_type) {
  switch (kind) {
  case Kind::Unknown:
    return true;
  case Kind::Number:
    return wire_type == 0;
  case Kind::Numbers:
    return wire_type == 0 || wire_type == 2;
  case Kind::String:
  case Kind::Message:
    return wire_type == 2;
  }
  return false;
}

class Scanner {
public:
  Result<WireScan> run(std::string_view bytes) {
    if (auto ok = message(bytes, kProfile, true); !ok)
      return std::unexpected(ok.error());
    return scan_;
  }

private:
  Result<void> message(std::string_view bytes, const Shape& shape, bool top) {
    scan_.memory_bytes += kAllocation + shape.size;
    FieldReader reader(bytes);
    Field field;
    while (!reader.done()) {
      if (!reader.next(field))
        return fail(kWhat, std::string("the encoding of ") + shape.name + " is broken or cut off");
      Kind kind = field.number < shape.fields.size() ? shape.fields[field.number] : Kind::Unknown;
      if (!wire_type_fits(kind, field.wire_type))
        return fail(kWhat, std::string("a field of ") + shape.name + " has the wrong type");
      if (top && singular(field.number) && !first(field.number))
        return fail(kWhat, "there are several profiles in one file",
                    "merge them with `go tool pprof -proto A B`, not with cat");
      if (kind == Kind::Message) {
        if (auto ok = message(field.payload, *shape.nested(field.number), false); !ok)
          return ok;
      } else {
        weigh(kind, field);
      }
    }
    return {};
  }

  void weigh(Kind kind, const Field& field) {
    if (kind == Kind::Numbers) {
      scan_.memory_bytes += sizeof(uint64_t) * std::max<size_t>(1, count_varints(field.payload));
    } else if (kind == Kind::String) {
      scan_.memory_bytes += kAllocation + sizeof(std::string) + field.payload.size();
      scan_.strings_utf8 = scan_.strings_utf8 && is_utf8(field.payload);
    } else if (kind == Kind::Unknown) {
      scan_.memory_bytes += 2 * kAllocation + sizeof(std::string) + field.payload.size();
    }
  }

  bool first(uint64_t field) {
    bool is_first = !seen_[field];
    seen_[field] = true;
    return is_first;
  }

  WireScan scan_;
  std::array<bool, kProfile.fields.size()> seen_{};
};

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

} // namespace

Result<WireScan> scan_profile(std::string_view message) {
  return Scanner().run(message);
}

std::string with_utf8_strings(std::string_view message) {
  FieldReader reader(message);
  Field field;
  std::string_view rest = message;
  std::string out;
  out.reserve(message.size());
  while (!reader.done() && reader.next(field)) {
    std::string_view whole = rest.substr(0, rest.size() - reader.remaining());
    rest.remove_prefix(whole.size());
    if (field.number != kStringTable) {
      out += whole;
      continue;
    }
    std::string text = to_utf8(field.payload);
    append_varint(out, kStringTable << 3 | 2);
    append_varint(out, text.size());
    out += text;
  }
  return out;
}

} // namespace pprofd
