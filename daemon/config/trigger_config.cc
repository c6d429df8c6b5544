#include "daemon/config/trigger_config.h"

#include <array>

#include "daemon/cli/table/suggest.h"
#include "daemon/config/config_file.h"
#include "daemon/process/glob_match.h"

namespace pprofd {

namespace {

using std::chrono::nanoseconds;

constexpr size_t kMostRules = 32;

constexpr std::array kTriggerOptions = {
    OptionSpec{.name = "trigger.when", .type = OptionType::kText, .key = "trigger.when"},
    OptionSpec{.name = "trigger.match",
               .type = OptionType::kText,
               .repeatable = true,
               .key = "trigger.match"},
    OptionSpec{.name = "trigger.frequency",
               .type = OptionType::kUnsigned,
               .min = 1,
               .max = 5000,
               .key = "trigger.frequency"},
    OptionSpec{.name = "trigger.duration",
               .type = OptionType::kDuration,
               .min = 100,
               .max = 600'000,
               .key = "trigger.duration"},
    OptionSpec{.name = "trigger.every",
               .type = OptionType::kDuration,
               .min = 1'000,
               .key = "trigger.every"},
};

TriggeredProfile profile_of(const Arguments& arguments, const std::string& table,
                            const TriggeredProfile& usual) {
  const auto time = [&](const char* key, nanoseconds otherwise) {
    return arguments.get<nanoseconds>(table + key).value_or(otherwise);
  };
  return {.frequency = static_cast<unsigned>(
              arguments.get<uint64_t>(table + "frequency").value_or(usual.frequency)),
          .duration = time("duration", usual.duration),
          .every = time("every", usual.every)};
}

// `where`: what the error begins with.
Result<void> check_times(const TriggeredProfile& profile, const std::string& where) {
  if (profile.every >= profile.duration)
    return {};
  return fail(where, "the next profile would come before this one is over",
              "give an every of at least the duration");
}

Result<TriggerRule> make_rule(const ConfigTable& table, const TriggeredProfile& usual) {
  const Arguments& said = table.said;
  if (!said.given("trigger.when"))
    return fail(table.where, "it has no when",
                "write when = \"cpu > 80% for 10s\" or another rule below it");
  TriggerRule rule;
  auto when = parse_condition(said.get<std::string>("trigger.when").value_or(""));
  if (!when)
    return fail(said.origin("trigger.when") + " = " + when.error().what, when.error().why,
                when.error().hint);
  rule.when = *when;
  rule.match = said.all<std::string>("trigger.match");
  for (const std::string& text : rule.match)
    if (const auto glob = match_glob(text); !glob)
      return fail(said.origin("trigger.match") + " = " + glob.error().what, glob.error().why,
                  glob.error().hint);
  rule.profile = profile_of(said, "trigger.", usual);
  if (auto ok = check_times(rule.profile, said.given("trigger.every") ? said.origin("trigger.every")
                                                                      : table.where);
      !ok)
    return std::unexpected(ok.error());
  return rule;
}

} // namespace

std::span<const OptionSpec> trigger_options() {
  return kTriggerOptions;
}

Result<TriggerConfig> make_trigger_config(const Arguments& arguments) {
  const TriggeredProfile profile = profile_of(arguments, "triggers.", {});
  if (auto ok = check_times(profile, arguments.origin("triggers.every")); !ok)
    return std::unexpected(ok.error());
  return TriggerConfig{.ranges = arguments.value<std::string>("triggers.range") == "on",
                       .deaths = arguments.value<std::string>("triggers.signals") == "on",
                       .past = arguments.value<nanoseconds>("triggers.past"),
                       .interval = arguments.value<nanoseconds>("triggers.interval"),
                       .history = arguments.value<nanoseconds>("triggers.history"),
                       .profile = profile,
                       .most_an_hour = arguments.value<uint64_t>("triggers.max_per_hour"),
                       .rules = {}};
}

Result<std::vector<TriggerRule>> read_trigger_rules(std::string_view text, const std::string& path,
                                                    const TriggeredProfile& usual) {
  const auto tables = read_config_tables(text, path, "trigger", kTriggerOptions);
  if (!tables)
    return std::unexpected(tables.error());
  std::vector<TriggerRule> rules;
  for (const ConfigTable& table : *tables) {
    auto rule = make_rule(table, usual);
    if (!rule)
      return std::unexpected(rule.error());
    rules.push_back(std::move(*rule));
    if (rules.size() > kMostRules)
      return fail(table.where, "more than 32 rules", "leave some out");
  }
  return rules;
}

} // namespace pprofd
