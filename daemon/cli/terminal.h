// What the terminal behind a descriptor can show.
#pragma once

namespace pprofd {

// Whether text that moves the cursor may be written there: a terminal, and TERM is not "dumb".
bool is_terminal(int fd);
// Whether colours may be: a terminal, and NO_COLOR is unset or empty (no-color.org).
bool use_colour(int fd);
// Columns; 80 where unknown.
unsigned terminal_width(int fd);

} // namespace pprofd
