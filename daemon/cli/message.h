// What the program says to its user.
#pragma once

#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// "pprofd: error: WHAT: WHY\n", and where there is a hint "hint: HINT\n". Control characters are
// made visible: parts of the text may be names that others chose.
std::string error_text(const Error& error, bool colour = false);
// "pprofd: warning: WHAT: WHY\n", with its hint.
std::string warning_text(const Error& error, bool colour = false);

// The same on standard error, in colour on a terminal.
void print_error(const Error& error);
void print_warning(const Error& error);

// Data on standard output, all of it. Fails where the reader or the disk does.
Result<void> print_data(std::string_view text);

} // namespace pprofd
