// The values of options, read by the rules of their type. Pure functions. The Error of each is
// wrong usage: its `what` is left to the caller's words, its `why` names the limit that was broken
// and its `hint` shows a right form.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/cli/table/option_table.h"
#include "symbolizer/base/result.h"

namespace pprofd {

using Value = std::variant<bool, uint64_t, std::chrono::nanoseconds, std::string>;

// A whole decimal number; digits only.
Result<uint64_t> parse_unsigned(std::string_view text);

// A whole number of seconds, or of the unit that follows: ms, s, m, h.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// "1500ms", "2 min", "7 days": the shortest exact form.
std::string duration_text(std::chrono::nanoseconds duration);

// One value as given, or several where the option takes a comma list.
Result<std::vector<Value>> parse_values(const OptionSpec& option, std::string_view text);

// The same rules for an operand with choices.
Result<void> check_choice(std::span<const Choice> choices, std::string_view what,
                          std::string_view text);

} // namespace pprofd
