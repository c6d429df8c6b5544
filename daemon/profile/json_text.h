// Text and numbers as JSON (RFC 8259) has them.
#pragma once

#include <string>
#include <string_view>

namespace pprofd {

// Appends `text` in quotes. Bytes that are no UTF-8 become U+FFFD; control characters, and the two
// line ends of Unicode that JavaScript once took for its own, are escaped.
void append_json(std::string& out, std::string_view text);

std::string json_text(std::string_view text);

} // namespace pprofd
