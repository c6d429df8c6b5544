// What a profile's file says of itself beside the profile: type, service, labels, times, sums. From
// this the index is made again when it is lost.
//
// It stands in the gzip header's extra field, which every reader of gzip skips, as a subfield of
// our own: "PD", its length, the bytes of a WindowProfile (proto/serve.proto) without its profile.
//
// Source: RFC 1952, 2.3.1.1 (extra field).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/serve/store/record.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

// So many bytes at a file's begin hold the header, whatever its length.
inline constexpr size_t kLongestFileHeader = 10 + 2 + 65535;

// The file's bytes. Errors: the profile's bytes do not begin with a plain gzip header (as
// serialize_gzip writes it), labels of more than 64 KB.
Result<std::string> with_file_header(const NewProfile& profile);

// What a file says; `begin`: its first bytes, kLongestFileHeader or all of it. Without the id.
// Nothing: it has no such header. Any input.
std::optional<StoredProfile> read_file_header(std::string_view begin);

} // namespace pprofd::serve
