// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Protocol
// buffers refuse other strings; names in the kernel and in files are bytes of any kind.
#pragma once

#include <string>
#include <string_view>

namespace pprofd {

bool is_utf8(std::string_view bytes);

// The same text with each byte that belongs to no character replaced by U+FFFD.
std::string to_utf8(std::string_view bytes);

// The length of the character that `bytes` begins with; 0 where none does.
size_t utf8_length(std::string_view bytes);

} // namespace pprofd
