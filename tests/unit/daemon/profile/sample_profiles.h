// Profiles that several tests look at.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

inline ProfileHeader cpu_header() {
  ProfileHeader header;
  header.sample_types = {{"samples", "count"}, {"cpu", "nanoseconds"}};
  header.period_type = {"cpu", "nanoseconds"};
  header.period = 10'101'010;
  header.time_nanos = 1'800'000'000'000'000'000;
  header.duration_nanos = 10'000'000'000;
  header.default_sample_type = "cpu";
  header.doc_url = "https://example.com/doc";
  return header;
}

// Stacks of a small program: `samples` of each, in periods.
class StackProfile {
public:
  explicit StackProfile(ProfileHeader header = cpu_header())
      : period_(header.period), builder(std::move(header)) {
    mapping = builder.add_mapping({.start = 0x400000,
                                   .limit = 0x500000,
                                   .offset = 0,
                                   .file = "/usr/bin/app",
                                   .build_id = "c0ffee",
                                   .kernel = false});
  }

  uint64_t function(const std::string& name) {
    return builder.add_function(
        {.name = name, .system_name = "", .file = "app.cc", .start_line = 1});
  }

  // A location in the function `names[0]`, inlined into `names[1]` and so on.
  uint64_t location(const std::vector<std::string>& names) {
    std::vector<LineInfo> lines;
    uint64_t key = 0;
    for (const std::string& name : names) {
      uint64_t id = function(name);
      key = key * 31 + id;
      lines.push_back({.function = id, .line = static_cast<int64_t>(id * 10), .column = 0});
    }
    return builder.add_location(mapping, 0x400000 + key * 16, lines);
  }

  // `frames`: leaf first, each one the functions at one location.
  void stack(const std::vector<std::vector<std::string>>& frames, int64_t samples,
             const std::vector<Label>& labels = {}) {
    std::vector<uint64_t> locations;
    locations.reserve(frames.size());
    for (const auto& names : frames)
      locations.push_back(location(names));
    builder.add_sample(locations, std::array{samples, samples * period_}, labels);
  }

  perftools::profiles::Profile finish() { return std::move(builder).finish(); }

private:
  int64_t period_;

public:
  ProfileBuilder builder;
  uint64_t mapping = 0;
};

} // namespace pprofd
