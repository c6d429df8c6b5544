#include "daemon/serve/api/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "daemon/profile/utf8.h"

namespace pprofd::serve {
namespace {

using std::chrono::nanoseconds;
using std::chrono::sys_days;

constexpr double kLatest = 9.2e9; // seconds; nanoseconds in 64 bits end in 2262
constexpr size_t kMaxLabels = 32;

struct Unit {
  std::string_view name;
  int64_t nanos;
};
constexpr std::array kUnits{
    Unit{"ms", 1'000'000},     Unit{"s", kSecond},          Unit{"m", 60 * kSecond},
    Unit{"h", 3600 * kSecond}, Unit{"d", 86'400 * kSecond}, Unit{"w", 604'800 * kSecond},
};

// Takes digits off the begin of `text`: exactly `count`, as a number.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  int value = 0;
  if (text.size() < count)
    return std::nullopt;
  const std::string_view digits = text.substr(0, count);
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
  if (error != std::errc() || end != digits.end() || text.front() == '-')
    return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c))
    return false;
  text.remove_prefix(1);
  return true;
}

// Takes YYYY-MM-DDTHH:MM:SS off.
std::optional<TimeNanos> take_date_time(std::string_view& text) {
  std::array<int, 6> parts{};
  constexpr std::array<size_t, 6> kDigits{4, 2, 2, 2, 2, 2};
  constexpr std::string_view kBetween = "--T::";
  for (size_t i = 0; i < parts.size(); i++) {
    const auto part = take_digits(text, kDigits[i]);
    if (!part || (i < kBetween.size() && !take(text, kBetween[i])))
      return std::nullopt;
    parts[i] = *part;
  }
  const std::chrono::year_month_day day(std::chrono::year(parts[0]),
                                        std::chrono::month(static_cast<unsigned>(parts[1])),
                                        std::chrono::day(static_cast<unsigned>(parts[2])));
  if (!day.ok() || parts[0] < 1970 || parts[0] > 2261 || parts[3] > 23 || parts[4] > 59 ||
      parts[5] > 60)
    return std::nullopt;
  const auto days = sys_days(day).time_since_epoch();
  return nanoseconds(days).count() + ((parts[3] * 60 + parts[4]) * 60 + parts[5]) * kSecond;
}

// Takes ".123456789" off, where it is there.
std::optional<int64_t> take_fraction(std::string_view& text) {
  if (!take(text, '.'))
    return 0;
  int64_t nanos = 0;
  int64_t unit = kSecond / 10;
  const std::string_view before = text;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    nanos += (text.front() - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  if (before.size() == text.size())
    return std::nullopt;
  return nanos;
}

std::optional<TimeNanos> parse_rfc3339(std::string_view text) {
  const auto time = take_date_time(text);
  const auto fraction = time ? take_fraction(text) : std::nullopt;
  if (!fraction)
    return std::nullopt;
  if (text == "Z" || text == "z")
    return *time + *fraction;
  const bool east = text.starts_with('+');
  if (!take(text, east ? '+' : '-'))
    return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':'))
    return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59)
    return std::nullopt;
  const int64_t offset = (int64_t{*hours} * 60 + *minutes) * 60 * kSecond;
  return *time + *fraction + (east ? -offset : offset);
}

// "1h30m" in nanoseconds.
std::optional<int64_t> parse_span(std::string_view text) {
  int64_t sum = 0;
  if (text.empty())
    return std::nullopt;
  while (!text.empty()) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
    if (error != std::errc() || text.front() == '-')
      return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const size_t length = std::min(text.find_first_of("0123456789"), text.size());
    const auto unit = std::ranges::find(kUnits, text.substr(0, length), &Unit::name);
    int64_t product = 0;
    if (unit == kUnits.end() || __builtin_mul_overflow(number, unit->nanos, &product) ||
        __builtin_add_overflow(sum, product, &sum))
      return std::nullopt;
    text.remove_prefix(length);
  }
  return sum;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.begin(), text.end(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.end() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::string shown(std::string_view text) {
  return to_utf8(text.substr(0, 64));
}

std::unexpected<Error> no_time(std::string_view text) {
  return fail("time '" + shown(text) + "'", "it is no time from 1970 to 2261",
              "write Unix seconds, 2026-01-02T15:04:05Z, or -1h for an hour ago");
}

} // namespace

TimeNanos time_now() {
  return nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<TimeNanos> parse_time(std::string_view text, TimeNanos now) {
  if (text == "now")
    return now;
  if (text.starts_with('-')) {
    const auto before = parse_span(text.substr(1));
    if (!before)
      return no_time(text);
    return *before > now ? 0 : now - *before;
  }
  if (const auto seconds = parse_number(text)) {
    if (*seconds < 0 || *seconds > kLatest)
      return no_time(text);
    return static_cast<TimeNanos>(*seconds) * kSecond +
           static_cast<TimeNanos>((*seconds - std::floor(*seconds)) * 1e9);
  }
  if (const auto time = parse_rfc3339(text); time && *time >= 0)
    return *time;
  return no_time(text);
}

Result<TimeNanos> parse_plain_time(std::string_view text) {
  std::string_view rest = text;
  const auto time = take_date_time(rest);
  if (!time || !rest.empty())
    return fail("time '" + shown(text) + "'", "it is not of the form 2006-01-02T15:04:05");
  return *time;
}

std::string plain_time_text(TimeNanos time) {
  const auto since = std::chrono::sys_time<nanoseconds>(nanoseconds(time));
  const auto day = std::chrono::floor<std::chrono::days>(since);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(since - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Result<Labels> parse_labels(std::string_view text, Escaping escaping) {
  Labels labels;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty())
      continue;
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail("labels", "'" + shown(one) + "' is not of the form name=value");
    std::string name(one.substr(0, equals));
    std::string value(one.substr(equals + 1));
    if (escaping == Escaping::kPercent) {
      const auto decoded_name = percent_decode(name);
      const auto decoded_value = percent_decode(value);
      if (!decoded_name || !decoded_value || decoded_name->empty())
        return fail("labels", "'" + shown(one) + "' has a % that begins no byte");
      name = *decoded_name;
      value = *decoded_value;
    }
    labels[to_utf8(name)] = to_utf8(value);
    if (labels.size() > kMaxLabels)
      return fail("labels", "there are more than " + std::to_string(kMaxLabels));
  }
  return labels;
}

Result<uint64_t> parse_count(const Query& query, std::string_view name, uint64_t missing,
                             uint64_t least, uint64_t greatest) {
  const auto text = query.find(name);
  if (!text || text->empty())
    return missing;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->begin(), text->end(), value);
  if (error != std::errc() || end != text->end() || value < least || value > greatest)
    return fail(std::string(name) + " '" + shown(*text) + "'", "it is no whole number from " +
                                                                   std::to_string(least) + " to " +
                                                                   std::to_string(greatest));
  return value;
}

Result<Triggered> parse_triggered(const Query& query, std::string_view prefix) {
  const auto text = query.get(std::string(prefix) + "triggered");
  if (text.empty())
    return Triggered::kByLabel;
  if (text != "only")
    return fail("triggered '" + shown(text) + "'", "it is not only",
                "leave it out for ordinary profiles");
  return Triggered::kOnly;
}

Result<Selector> parse_selector(const Query& query, TimeNanos now, std::string_view prefix) {
  const auto value = [&](std::string_view name, std::string_view missing) {
    const auto found = query.get(std::string(prefix) + std::string(name));
    return found.empty() ? missing : found;
  };
  const auto from = parse_time(value("from", "-1h"), now);
  const auto to = parse_time(value("to", "now"), now);
  const auto labels = parse_labels(value("labels", ""));
  if (!from || !to)
    return std::unexpected((!from ? from : to).error());
  if (!labels)
    return std::unexpected(labels.error());
  const auto triggered = parse_triggered(query, prefix);
  if (!triggered)
    return std::unexpected(triggered.error());
  if (*from >= *to)
    return fail("from", "it is not before to");
  Selector selector;
  selector.from = *from;
  selector.to = *to;
  selector.type = to_utf8(query.has("type") ? query.get("type") : "cpu");
  selector.labels = *labels;
  selector.triggered = *triggered;
  return selector;
}

Result<int64_t> parse_seconds(std::string_view text) {
  const auto seconds = parse_number(text);
  if (!seconds || *seconds < 0 || *seconds > kLatest)
    return fail("seconds '" + shown(text) + "'", "it is no number of seconds");
  return static_cast<int64_t>(std::llround(*seconds * 1e9));
}

} // namespace pprofd::serve
