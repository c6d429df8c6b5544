#include "daemon/serve/api/gather.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <unordered_set>

#include "daemon/report/filter.h"

namespace pprofd::serve {
namespace {

namespace proto = perftools::profiles;

constexpr size_t kMergedBytes = size_t{256} << 20;
constexpr size_t kMostComments = 256;
constexpr std::array<std::string_view, 3> kCounted{"samples.", "stacks.", "frames."};
// Counts of the whole machine, which each profile of a window repeats.
constexpr std::string_view kOfMachine = "host.samples.";
constexpr std::string_view kHost = "host=";

} // namespace

Result<void> check(const QueryLimits& limits) {
  if (limits.exchange != nullptr && limits.exchange->gone())
    return fail("query", "its client has gone");
  if (std::chrono::steady_clock::now() >= limits.deadline)
    return fail("query", "it takes too long", "ask for a shorter time or fewer processes");
  return {};
}

// The comments of many profiles as those of one.
class StoredMerger::Comments {
public:
  // Takes the comments off.
  void take(proto::Profile& profile) {
    std::string window = std::to_string(profile.time_nanos());
    for (const int64_t index : profile.comment()) {
      const std::string_view comment = profile.string_table(static_cast<int>(index));
      if (comment.starts_with(kHost))
        window += comment.substr(0, kLongestHost);
    }
    const bool is_first = windows_.size() < kMostWindows && windows_.insert(window).second;
    for (const int64_t index : profile.comment()) {
      const std::string_view comment = profile.string_table(static_cast<int>(index));
      if (is_first || !comment.starts_with(kOfMachine))
        add(comment);
    }
    profile.clear_comment();
  }

  void put(proto::Profile& profile) const {
    for (const std::string& one : plain_)
      append(profile, one);
    for (const auto& [key, sum] : sums_)
      append(profile, key + "=" + std::to_string(sum));
  }

private:
  static void append(proto::Profile& profile, const std::string& text) {
    profile.add_comment(profile.string_table_size());
    profile.add_string_table(text);
  }

  void add(std::string_view comment) {
    const size_t equals = std::min(comment.find('='), comment.size());
    const std::string_view key = comment.substr(0, equals);
    const std::string_view text = comment.substr(std::min(equals + 1, comment.size()));
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
    const bool counted =
        key.starts_with(kOfMachine) || std::ranges::any_of(kCounted, [&](std::string_view prefix) {
          return key.starts_with(prefix);
        });
    if (!counted || error != std::errc() || end != text.end()) {
      if (plain_.size() < kMostComments)
        plain_.emplace(comment);
    } else if (sums_.contains(key) || sums_.size() < kMostComments) {
      uint64_t& sum = sums_.try_emplace(std::string(key), 0).first->second;
      if (__builtin_add_overflow(sum, number, &sum))
        sum = UINT64_MAX;
    }
  }

  static constexpr size_t kLongestHost = 256;
  static constexpr size_t kMostWindows = 100'000;

  std::unordered_set<std::string> windows_; // that profiles have come of: host and time
  std::set<std::string, std::less<>> plain_;
  std::map<std::string, uint64_t, std::less<>> sums_;
};

ParseLimits upload_limits() {
  return {.inflated_bytes = size_t{64} << 20,
          .memory_bytes = size_t{256} << 20,
          .frames = size_t{1} << 23};
}

Result<Gathered> gather(Store& store, const Selector& selector, const Filter& filter,
                        const QueryLimits& limits, const EachProfile& each) {
  auto reader = store.reader();
  if (!reader)
    return std::unexpected(reader.error());
  // Listed first, so that no transaction stays open while profiles are read.
  const auto profiles = (*reader)->names(selector);
  if (!profiles)
    return std::unexpected(profiles.error());
  Gathered gathered;
  for (const ProfileName& stored : *profiles) {
    if (auto ok = check(limits); !ok)
      return std::unexpected(ok.error());
    const auto bytes = (*reader)->read(stored);
    gathered.left_out++;
    if (!bytes)
      continue;
    auto profile = parse_profile(*bytes, upload_limits());
    if (!profile) {
      store.report_damaged(stored, profile.error().why);
      continue;
    }
    if (!filter.focus.empty() || !filter.ignore.empty())
      if (auto ok = filter_samples(*profile, filter.focus, filter.ignore); !ok)
        return std::unexpected(ok.error());
    if (auto ok = each(*profile); !ok)
      return std::unexpected(ok.error());
    gathered.profiles++;
    gathered.left_out--;
  }
  return gathered;
}

StoredMerger::StoredMerger() : comments_(std::make_unique<Comments>()) {}
StoredMerger::~StoredMerger() = default;

Result<void> StoredMerger::add(proto::Profile& profile) {
  comments_->take(profile);
  if (auto ok = merger_.add(profile); !ok)
    return ok;
  if (merger_.memory_bytes() > kMergedBytes)
    return fail("merge profiles", "the result would be too large",
                "ask for a shorter time or fewer processes");
  return {};
}

proto::Profile StoredMerger::finish() && {
  proto::Profile merged = std::move(merger_).finish();
  comments_->put(merged);
  return merged;
}

Result<proto::Profile> merge_stored(Store& store, const Selector& selector, const Filter& filter,
                                    const QueryLimits& limits) {
  StoredMerger merger;
  const auto gathered = gather(store, selector, filter, limits,
                               [&](proto::Profile& profile) { return merger.add(profile); });
  if (!gathered)
    return std::unexpected(gathered.error());
  if (gathered->profiles == 0)
    return fail("merge profiles", "there are none in this time with these labels");
  return std::move(merger).finish();
}

} // namespace pprofd::serve
