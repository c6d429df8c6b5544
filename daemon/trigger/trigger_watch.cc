#include "daemon/trigger/trigger_watch.h"

#include <algorithm>
#include <utility>

namespace pprofd {

void TriggerWatch::begin_round() {
  ++round_;
}

void TriggerWatch::end_round() {
  std::erase_if(processes_, [this](const auto& each) { return each.second.round != round_; });
}

std::optional<TriggerReading> TriggerWatch::usual(uint64_t process) const {
  const auto found = processes_.find(process);
  return found == processes_.end() ? std::nullopt : usual_of(found->second);
}

std::optional<TriggerReading> TriggerWatch::usual_of(const Watched& watched) {
  if (watched.ranges.front().empty())
    return std::nullopt;
  TriggerReading made;
  std::ranges::transform(watched.ranges, made.values.begin(), &RecentRange::mean);
  return made;
}

void TriggerWatch::follow(Episode& episode, bool holds, Time now,
                          const std::optional<TriggerReading>& usual) {
  if (!holds) {
    episode = {};
    return;
  }
  if (!episode.since) {
    episode.since = now;
    episode.before = usual;
  }
  ++episode.readings;
}

bool TriggerWatch::admit(Watched& watched, Episode& episode, Time now,
                         std::chrono::nanoseconds every) {
  const bool too_soon = watched.fired && now - *watched.fired < every;
  if (too_soon || !bound_.take(now)) {
    suppressed_ += std::exchange(episode.told, true) ? 0 : 1;
    return false;
  }
  episode.told = true;
  watched.fired = now;
  return true;
}

std::optional<TriggerFiring> TriggerWatch::observe(uint64_t process, const TriggerReading& reading,
                                                   Time now, const std::vector<bool>& concerns,
                                                   bool may_fire) {
  Watched& watched = processes_[process];
  watched.round = round_;
  watched.rules.resize(options_.rules.size());
  const auto before = usual_of(watched);
  std::optional<TriggerFiring> firing;
  for (size_t at = 0; at < options_.rules.size(); ++at) {
    const auto& [condition, every] = options_.rules[at];
    Episode& episode = watched.rules[at];
    follow(episode, concerns.at(at) && condition.holds(reading), now, before);
    if (!may_fire || firing || !episode.since || now - *episode.since < condition.lasting)
      continue;
    if (admit(watched, episode, now, every))
      firing = TriggerFiring{.rule = at,
                             .reason = condition_text(condition),
                             .metric = condition.metric,
                             .value = reading[condition.metric],
                             .before = episode.before};
  }
  for (size_t at = 0; at < kTriggerMetrics; ++at) {
    const auto metric = static_cast<TriggerMetric>(at);
    Episode& episode = watched.leaving.at(at);
    const bool above =
        options_.ranges &&
        watched.ranges.at(at).is_above(reading[metric], kLeastAbove[metric], options_.history);
    follow(episode, above, now, before);
    if (!may_fire || firing || episode.readings < kReadingsInARow)
      continue;
    if (admit(watched, episode, now, options_.every))
      firing = TriggerFiring{.rule = std::nullopt,
                             .reason = "range " + std::string(name_of(metric)),
                             .metric = metric,
                             .value = reading[metric],
                             .before = episode.before};
  }
  const auto since = now - watched.read.value_or(now);
  watched.read = now;
  for (size_t at = 0; at < kTriggerMetrics; ++at) {
    const unsigned unusual = watched.leaving.at(at).readings;
    if (unusual == 0 || unusual >= kReadingsInARow) // else the next one decides about it
      watched.ranges.at(at).add(reading.values.at(at), since, options_.history);
  }
  return firing;
}

} // namespace pprofd
