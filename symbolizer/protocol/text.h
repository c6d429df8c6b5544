// Text that crosses the protocol: valid UTF-8 without control characters, so that it can neither
// break a profile nor a terminal.
#pragma once

#include <string>
#include <string_view>

namespace pprofd::symbolizer {

// Whether `text` is valid UTF-8 (RFC 3629) without C0, DEL and C1 control characters.
bool is_clean_text(std::string_view text);

// `text` with every byte that is_clean_text() refuses replaced by `?`.
std::string clean_text(std::string_view text);

// At most `limit` bytes, cut between characters and marked with `...`; `limit` is at least 3.
std::string cut_text(std::string text, size_t limit);

} // namespace pprofd::symbolizer
