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

// A whole number of seconds, or of the unit that follows: ms, s, m, h, d.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// "1500ms", "2 min", "7 days": the shortest exact form.
std::string duration_text(std::chrono::nanoseconds duration);

// A whole number of bytes, or of the unit that follows: kB, MB, GB, TB, KiB, MiB, GiB, TiB.
Result<uint64_t> parse_bytes(std::string_view text);
// "200MB", "64MiB": the shortest exact form.
std::string bytes_text(uint64_t bytes);

// "2%", "0.25%": hundredths of one per cent.
Result<uint64_t> parse_percent(std::string_view text);
std::string percent_text(uint64_t hundredths);

// One value by the option's type and range. The Error's `what` names the option and the text.
Result<Value> parse_value(const OptionSpec& option, std::string_view text);

// One value as given, or several where the option takes a comma list.
Result<std::vector<Value>> parse_values(const OptionSpec& option, std::string_view text);

// The same rules for an operand with choices.
Result<void> check_choice(std::span<const Choice> choices, std::string_view what,
                          std::string_view text);

} // namespace pprofd
