// What the store holds, and how it is asked for. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pprofd::serve {

using Labels = std::map<std::string, std::string>;

// Nanoseconds since 1970, as profiles have them.
using TimeNanos = int64_t;

inline double seconds(TimeNanos time) {
  return static_cast<double>(time) / 1e9;
}

inline constexpr TimeNanos kSecond = 1'000'000'000;

// The label that every profile has by its service's name.
inline constexpr const char* kServiceLabel = "service";

// The label that says why a profile was taken by itself (daemon/trigger). Its samples are those of
// a time that ordinary profiles tell of too, so these two are never added up; and it is kept apart.
inline constexpr const char* kTriggerLabel = "trigger";

inline bool is_triggered(const Labels& labels) {
  return labels.contains(kTriggerLabel);
}

// A profile that is to be stored.
struct NewProfile {
  uint64_t id = 0;  // of one that may come twice and is stored once; 0: a new one
  std::string type; // cpu, heap, …
  std::string service;
  Labels labels; // without the service
  TimeNanos time = 0;
  int64_t duration = 0; // nanoseconds
  uint64_t samples = 0;
  uint64_t value = 0; // the sum of its last value
  std::string bytes;  // pprof, gzip
};

// One that is stored.
struct StoredProfile {
  uint64_t id = 0;
  std::string type;
  std::string service;
  Labels labels;
  TimeNanos time = 0;
  int64_t duration = 0;
  uint64_t samples = 0;
  uint64_t value = 0;
  uint64_t bytes = 0;
};

// Longer profiles are found by their first hour only.
inline constexpr int64_t kLongestSearched = 3600 * kSecond;

// Whether profiles that triggers took are meant.
enum class Triggered {
  kByLabel, // only if the selector's labels name the trigger: else ordinary ones
  kOnly,
};

struct Selector {
  TimeNanos from = 0;
  TimeNanos to = INT64_MAX;
  // Whether a profile that began before `from` and lasted beyond it is meant too; `to` itself is
  // never in the range.
  bool overlapping = true;
  std::string type; // empty: any
  Labels labels;    // all of them must be so; kServiceLabel among them
  Triggered triggered = Triggered::kByLabel;
  size_t limit = SIZE_MAX;
};

struct StoreTotals {
  uint64_t profiles = 0;
  uint64_t bytes = 0; // files and index
  TimeNanos oldest = 0;
  // Of these, the profiles that triggers took, and their files.
  uint64_t triggered_profiles = 0;
  uint64_t triggered_bytes = 0;
};

struct StoreLimits {
  int64_t retention = 0;  // nanoseconds; 0: for ever
  uint64_t max_bytes = 0; // files and index; 0: no limit
  // Of profiles that triggers took, which the two above do not concern.
  int64_t triggered_retention = 0;  // 0: for ever
  uint64_t triggered_max_bytes = 0; // files; 0: no limit

  // Whether there is more than there may be, as far as size goes.
  [[nodiscard]] bool are_exceeded(const StoreTotals& totals) const {
    return (max_bytes > 0 && totals.bytes - totals.triggered_bytes > max_bytes) ||
           (triggered_max_bytes > 0 && totals.triggered_bytes > triggered_max_bytes);
  }
};

struct StoredEvent {
  TimeNanos time = 0;
  std::string kind;
  std::string text;
};

} // namespace pprofd::serve
