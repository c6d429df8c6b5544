// Near misses: what a user may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pprofd {

// The candidate that `text` most resembles (a slip of one or two keys, or its beginning); empty if
// none is close.
std::string_view nearest(std::string_view text, std::span<const std::string_view> candidates);

// "a, b or c".
std::string or_list(std::span<const std::string_view> words);

// The text between quotes, with control characters made visible; at most 80 bytes of it.
std::string in_quotes(std::string_view text);

} // namespace pprofd
