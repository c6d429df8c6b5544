// Text that may go to a terminal. Names of processes, threads and functions are chosen by anybody:
// what would move the cursor, colour, reorder or hide text is made visible instead.
//
// Widths are those of the C library's wcwidth(), for which the locale's characters have to be
// UTF-8 (use_utf8_locale()); everything else is pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pprofd::top {

// Makes the program's character type UTF-8, whatever the environment says. Returns whether the
// environment's terminal takes UTF-8. Before other threads start.
bool use_utf8_locale();

// `bytes` as characters that each stand in one or two columns, or combine with the one before:
// "\x1b" for a control character, "\u{202e}" for one that changes how others are shown, U+FFFD for
// bytes that are no UTF-8. `ascii`: '?' for everything else that is not ASCII.
std::string clean(std::string_view bytes, bool ascii = false);

// Columns of clean text.
size_t width_of(std::string_view text);

// At most so many columns of clean text; what does not fit ends in "…" (or "~" where ascii).
std::string cut(std::string_view text, size_t columns, bool ascii = false);

// Exactly so many: cut, or filled with spaces.
enum class Align { kLeft, kRight };
std::string fit(std::string_view text, size_t columns, Align align, bool ascii = false);

} // namespace pprofd::top
