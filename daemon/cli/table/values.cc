#include "daemon/cli/table/values.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "daemon/cli/table/suggest.h"

namespace pprofd {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct DurationUnit {
  std::string_view name;
  milliseconds length;
};
constexpr std::array<DurationUnit, 5> kUnits = {{
    {"ms", milliseconds(1)},
    {"s", std::chrono::seconds(1)},
    {"m", std::chrono::minutes(1)},
    {"h", std::chrono::hours(1)},
    {"d", std::chrono::hours(24)},
}};
constexpr std::string_view kDurationForms = "write 10, 10s, 1500ms, 2m, 1h or 7d";

struct ByteUnit {
  std::string_view name;
  uint64_t size;
};
constexpr std::array<ByteUnit, 9> kByteUnits = {{
    {"B", 1},
    {"kB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", uint64_t{1} << 10},
    {"MiB", uint64_t{1} << 20},
    {"GiB", uint64_t{1} << 30},
    {"TiB", uint64_t{1} << 40},
}};
constexpr std::string_view kByteForms = "write 200MB, 64MiB or 2GB";
constexpr std::string_view kPercentForms = "write 2% or 0.5%";

std::string range_hint(const OptionSpec& option) {
  const std::string range = range_text(option);
  return range.empty() ? "" : std::string(option.argument) + " is " + range;
}

std::string what_of(const OptionSpec& option, std::string_view text) {
  return "--" + std::string(option.name) + " " + in_quotes(text);
}

std::string out_of_range(const OptionSpec& option, bool too_low) {
  const bool one_sided = option.max == UINT64_MAX;
  const std::string range = range_text(option);
  if (one_sided)
    return "must be " + range;
  return std::string(too_low ? "too low" : "too high") + ", must be " + range;
}

Result<Value> in_range(const OptionSpec& option, std::string_view text, uint64_t value) {
  if (value < option.min || value > option.max)
    return fail(what_of(option, text), out_of_range(option, value < option.min));
  return value;
}

Result<Value> parse_number(const OptionSpec& option, std::string_view text) {
  auto number = parse_unsigned(text);
  if (!number)
    return fail(what_of(option, text), number.error().why, range_hint(option));
  return in_range(option, text, *number);
}

Result<Value> parse_amount(const OptionSpec& option, std::string_view text,
                           const Result<uint64_t>& amount) {
  if (!amount)
    return fail(what_of(option, text), amount.error().why, amount.error().hint);
  return in_range(option, text, *amount);
}

Result<Value> parse_pair(const OptionSpec& option, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fail(what_of(option, text), "not a name and a value",
                "write NAME=VALUE, such as env=production");
  return std::string(text);
}

Result<Value> parse_time(const OptionSpec& option, std::string_view text) {
  auto duration = parse_duration(text);
  if (!duration)
    return fail(what_of(option, text), duration.error().why, duration.error().hint);
  const auto length = std::chrono::duration_cast<milliseconds>(*duration).count();
  const auto value = static_cast<uint64_t>(length);
  if (value < option.min || value > option.max)
    return fail(what_of(option, text), out_of_range(option, value < option.min),
                std::string(kDurationForms));
  return *duration;
}

} // namespace

Result<Value> parse_value(const OptionSpec& option, std::string_view text) {
  if (text.empty())
    return fail("--" + std::string(option.name), "the value is empty",
                "give " + std::string(option.argument));
  switch (option.type) {
  case OptionType::kUnsigned:
    return parse_number(option, text);
  case OptionType::kDuration:
    return parse_time(option, text);
  case OptionType::kBytes:
    return parse_amount(option, text, parse_bytes(text));
  case OptionType::kPercent:
    return parse_amount(option, text, parse_percent(text));
  case OptionType::kChoice:
    if (auto known = check_choice(option.choices, what_of(option, text), text); !known)
      return std::unexpected(known.error());
    return std::string(text);
  default:
    return option.table ? parse_pair(option, text) : std::string(text);
  }
}

Result<uint64_t> parse_unsigned(std::string_view text) {
  uint64_t number = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error == std::errc::result_out_of_range && stop == end)
    return fail(in_quotes(text), "the number is too large");
  if (text.size() > 1 && text.front() == '-' && parse_unsigned(text.substr(1)))
    return fail(in_quotes(text), "must not be negative");
  if (error != std::errc() || stop != end)
    return fail(in_quotes(text), "not a whole number");
  return number;
}

Result<nanoseconds> parse_duration(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789-"), text.size());
  const std::string_view suffix = text.substr(digits);
  const auto unit = std::ranges::find(kUnits, suffix.empty() ? std::string_view("s") : suffix,
                                      &DurationUnit::name);
  const auto number = parse_unsigned(text.substr(0, digits));
  if (!number)
    return fail(in_quotes(text), digits == 0 ? "not a time" : number.error().why,
                std::string(kDurationForms));
  if (suffix.starts_with('.'))
    return fail(in_quotes(text), "not a whole number", "use a smaller unit, such as 1500ms");
  if (unit == kUnits.end())
    return fail(in_quotes(text), in_quotes(suffix) + " is not a unit of time",
                std::string(kDurationForms));
  if (*number > static_cast<uint64_t>(nanoseconds::max() / nanoseconds(unit->length)))
    return fail(in_quotes(text), "the number is too large", std::string(kDurationForms));
  return static_cast<int64_t>(*number) * nanoseconds(unit->length);
}

std::string duration_text(nanoseconds duration) {
  for (size_t i = kUnits.size(); i-- > 0;) {
    const nanoseconds length = kUnits[i].length;
    if (duration % length == nanoseconds::zero() && duration >= length)
      return std::to_string(duration / length) + std::string(kUnits[i].name);
  }
  return std::to_string(std::chrono::duration_cast<milliseconds>(duration).count()) + "ms";
}

Result<uint64_t> parse_bytes(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789-"), text.size());
  const std::string_view suffix = text.substr(digits);
  const auto number = parse_unsigned(text.substr(0, digits));
  if (!number)
    return fail(in_quotes(text), digits == 0 ? "not a number of bytes" : number.error().why,
                std::string(kByteForms));
  const auto unit = std::ranges::find(kByteUnits, suffix.empty() ? std::string_view("B") : suffix,
                                      &ByteUnit::name);
  if (unit == kByteUnits.end())
    return fail(in_quotes(text), in_quotes(suffix) + " is not a unit of bytes",
                std::string(kByteForms));
  if (*number > UINT64_MAX / unit->size)
    return fail(in_quotes(text), "the number is too large", std::string(kByteForms));
  return *number * unit->size;
}

std::string bytes_text(uint64_t bytes) {
  const ByteUnit* best = &kByteUnits.front();
  for (const ByteUnit& unit : kByteUnits) {
    if (bytes != 0 && bytes % unit.size == 0 && unit.size > best->size)
      best = &unit;
  }
  return std::to_string(bytes / best->size) + std::string(best->name);
}

Result<uint64_t> parse_percent(std::string_view text) {
  const auto wrong = [&](std::string why) {
    return fail(in_quotes(text), std::move(why), std::string(kPercentForms));
  };
  if (!text.ends_with('%'))
    return wrong("not a per cent");
  text.remove_suffix(1);
  const size_t dot = std::min(text.find('.'), text.size());
  std::string fraction(text.substr(std::min(dot + 1, text.size())));
  const bool fraction_fits = dot == text.size() || (!fraction.empty() && fraction.size() <= 2);
  fraction.resize(2, '0');
  const auto whole = parse_unsigned(text.substr(0, dot));
  const auto hundredths = parse_unsigned(fraction);
  if (!whole || !hundredths || !fraction_fits)
    return wrong("not a number with at most two decimals");
  if (*whole > UINT64_MAX / 200)
    return wrong("the number is too large");
  return (*whole * 100) + *hundredths;
}

std::string percent_text(uint64_t hundredths) {
  std::string text = std::to_string(hundredths / 100);
  if (const uint64_t rest = hundredths % 100; rest != 0) {
    text += '.' + std::to_string(rest / 10);
    if (rest % 10 != 0)
      text += std::to_string(rest % 10);
  }
  return text + "%";
}

Result<void> check_choice(std::span<const Choice> choices, std::string_view what,
                          std::string_view text) {
  std::vector<std::string_view> names;
  for (const Choice& choice : choices)
    names.push_back(choice.name);
  if (std::ranges::find(names, text) != names.end())
    return {};
  return fail(std::string(what), "no such value", "use " + or_list(names));
}

Result<std::vector<Value>> parse_values(const OptionSpec& option, std::string_view text) {
  std::vector<Value> values;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end =
        option.comma_list ? std::min(text.find(',', begin), text.size()) : text.size();
    auto value = parse_value(option, text.substr(begin, end - begin));
    if (!value)
      return std::unexpected(std::move(value.error()));
    values.push_back(std::move(*value));
    begin = end + 1;
  }
  return values;
}

} // namespace pprofd
