#include "daemon/trigger/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "daemon/cli/table/suggest.h"
#include "daemon/cli/table/values.h"

namespace pprofd {

namespace {

using std::chrono::nanoseconds;

constexpr double kHighest = 1'000'000; // per cent, threads
constexpr nanoseconds kLongestFor = std::chrono::hours(1);
constexpr const char* kConditionForm = "write METRIC > VALUE for TIME, such as \"cpu > 80% for "
                                       "10s\" or \"threads > 200\"; METRIC is cpu, threads or "
                                       "run_queue";

class Condition {
public:
  explicit Condition(std::string_view text) : text_(text), rest_(text) {}

  Result<TriggerCondition> parse() {
    TriggerCondition made;
    const std::string_view metric = word();
    const auto* const known = std::ranges::find(kTriggerMetricNames, metric);
    if (known == kTriggerMetricNames.end())
      return wrong(metric.empty() ? "it has no METRIC" : "there is no metric " + in_quotes(metric));
    made.metric = static_cast<TriggerMetric>(known - kTriggerMetricNames.begin());
    if (!take(">"))
      return wrong("there is no '>' behind " + std::string(metric));
    const auto value = number();
    if (!value || *value < 0 || *value > kHighest)
      return wrong("there is no number from 0 to 1000000 behind '>'");
    made.above = *value;
    if (const bool percent = take("%"); percent != is_percent(made.metric))
      return wrong(percent ? std::string(metric) + " is a number, not a per cent"
                           : std::string(metric) + " is a per cent: there is no '%'");
    if (take("for")) {
      const auto lasting = parse_duration(word());
      if (!lasting || lasting->count() == 0 || *lasting > kLongestFor)
        return wrong("there is no time of up to an hour behind 'for'");
      made.lasting = *lasting;
    }
    skip_blanks();
    if (!rest_.empty())
      return wrong(in_quotes(rest_) + " is too much");
    return made;
  }

private:
  [[nodiscard]] std::unexpected<Error> wrong(std::string why) const {
    return fail(in_quotes(text_), std::move(why), kConditionForm);
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  std::string_view word() {
    skip_blanks();
    const std::string_view found = rest_.substr(0, rest_.find_first_of(" >%"));
    rest_.remove_prefix(found.size());
    return found;
  }

  bool take(std::string_view token) {
    skip_blanks();
    if (!rest_.starts_with(token))
      return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  std::optional<double> number() {
    skip_blanks();
    double value = 0;
    const auto [end, error] =
        std::from_chars(rest_.begin(), rest_.end(), value, std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(value))
      return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  std::string_view text_;
  std::string_view rest_;
};

} // namespace

Result<TriggerCondition> parse_condition(std::string_view text) {
  return Condition(text).parse();
}

std::string condition_text(const TriggerCondition& condition) {
  std::string text = fmt::format("{} > {:g}{}", name_of(condition.metric), condition.above,
                                 is_percent(condition.metric) ? "%" : "");
  if (condition.lasting.count() != 0) {
    // As parse_duration() takes it: without a blank.
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(condition.lasting).count();
    text += milliseconds % 1000 == 0 ? fmt::format(" for {}s", milliseconds / 1000)
                                     : fmt::format(" for {}ms", milliseconds);
  }
  return text;
}

} // namespace pprofd
