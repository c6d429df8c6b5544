// A look at the bytes of an untrusted profile before protobuf parses them: what it would cost in
// memory, whether it is one message, and whether its strings are UTF-8 (protobuf refuses others,
// pprof's own reader does not).
//
// Source: protobuf's encoding (varints, tags, length-delimited fields) and proto/profile.proto.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

struct WireScan {
  size_t memory_bytes = 0;  // at most what the parsed profile takes, roughly
  bool strings_utf8 = true; // whether every string of the string table is UTF-8
};

// Errors: not a message of this kind (with the reason), or several of them one after the other.
Result<WireScan> scan_profile(std::string_view message);

// The same message with its string table made UTF-8. The message has been scanned.
std::string with_utf8_strings(std::string_view message);

} // namespace pprofd
