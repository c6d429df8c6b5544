#include "daemon/serve/store/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace pprofd::serve {
namespace {

constexpr std::string_view kSuffix = ".pb.gz";
constexpr size_t kIdDigits = 16;

bool only_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

std::string day_folder(TimeNanos time) {
  using namespace std::chrono;
  const year_month_day day(floor<days>(sys_time<nanoseconds>(nanoseconds(time))));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string hour_folder(TimeNanos time) {
  return fmt::format("{}/{:02}", day_folder(time), time / kHour % 24);
}

std::string file_name(const ProfileName& name) {
  return fmt::format("{}-{}{}", name.time, id_text(name.id), kSuffix);
}

std::string root_folder(bool triggered) {
  return triggered ? std::string(kTriggeredFolder) + "/" : std::string();
}

std::string file_path(const ProfileName& name) {
  return root_folder(name.triggered) + hour_folder(name.time) + "/" + file_name(name);
}

std::optional<ProfileName> parse_file_name(std::string_view name) {
  if (!name.ends_with(kSuffix))
    return std::nullopt;
  name.remove_suffix(kSuffix.size());
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos || !only_digits(name.substr(0, dash)))
    return std::nullopt;
  ProfileName parsed;
  const std::string_view time = name.substr(0, dash);
  const auto [end, error] = std::from_chars(time.begin(), time.end(), parsed.time);
  const auto id = parse_id(name.substr(dash + 1));
  if (error != std::errc() || !id)
    return std::nullopt;
  parsed.id = *id;
  return parsed;
}

bool is_day_folder(std::string_view name) {
  return name.size() == 10 && name[4] == '-' && name[7] == '-' && only_digits(name.substr(0, 4)) &&
         only_digits(name.substr(5, 2)) && only_digits(name.substr(8));
}

bool is_hour_folder(std::string_view name) {
  return name.size() == 2 && only_digits(name);
}

std::optional<TimeNanos> hour_of(std::string_view day, std::string_view hour) {
  using namespace std::chrono;
  if (!is_day_folder(day) || !is_hour_folder(hour))
    return std::nullopt;
  constexpr int kFirstYear = 1970;
  constexpr int kLastYear = 2261;
  const auto number = [](std::string_view digits) {
    int value = 0;
    std::from_chars(digits.begin(), digits.end(), value);
    return value;
  };
  const year_month_day date{year(number(day.substr(0, 4))),
                            month(static_cast<unsigned>(number(day.substr(5, 2)))),
                            std::chrono::day(static_cast<unsigned>(number(day.substr(8))))};
  if (!date.ok() || int(date.year()) < kFirstYear || int(date.year()) > kLastYear ||
      number(hour) > 23)
    return std::nullopt;
  return nanoseconds(sys_days(date).time_since_epoch() + hours(number(hour))).count();
}

std::string id_text(uint64_t id) {
  return fmt::format("{:016x}", id);
}

std::optional<uint64_t> parse_id(std::string_view text) {
  if (text.size() != kIdDigits ||
      text.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return std::nullopt;
  uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return id;
}

} // namespace pprofd::serve
