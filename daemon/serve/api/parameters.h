// What requests say in their parameters: times, labels, numbers. Any input; errors are one sentence
// that names the parameter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/serve/http/query.h"
#include "daemon/serve/store/record.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

// Unix seconds, perhaps with a fraction; RFC 3339; or a time before `now`: -1h, -90s, -1h30m, -7d;
// "now" itself. Years 1970 to 2261.
Result<TimeNanos> parse_time(std::string_view text, TimeNanos now);

// 2006-01-02T15:04:05, UTC, as profefe's clients write it.
Result<TimeNanos> parse_plain_time(std::string_view text);
std::string plain_time_text(TimeNanos time);

// "k=v,k2=v2". `escaped`: names and values are percent-encoded once more, as profefe's are.
enum class Escaping { kPlain, kPercent };
Result<Labels> parse_labels(std::string_view text, Escaping escaping = Escaping::kPlain);

// A whole number from `least` to `greatest`; `missing` where there is none.
Result<uint64_t> parse_count(const Query& query, std::string_view name, uint64_t missing,
                             uint64_t least, uint64_t greatest);

// The parameters from, to, type, labels and triggered, each with `prefix` before its name. from
// defaults to an hour before now, to to now, type to cpu.
Result<Selector> parse_selector(const Query& query, TimeNanos now, std::string_view prefix = "");

// Whether profiles that triggers took are asked for: `triggered=only`.
Result<Triggered> parse_triggered(const Query& query, std::string_view prefix = "");

// Seconds, perhaps with a fraction.
Result<int64_t> parse_seconds(std::string_view text); // nanoseconds

TimeNanos time_now();

} // namespace pprofd::serve
