// Profiles to be shipped, as the daemon makes them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"
#include "proto/serve.pb.h"

namespace pprofd::ship {

inline ProfileHeader window_header() {
  return {.sample_types = {{"samples", "count"}, {"cpu", "nanoseconds"}},
          .period_type = {"cpu", "nanoseconds"},
          .period = 10'000'000,
          .time_nanos = 1'795'317'600'000'000'000,
          .duration_nanos = 60'000'000'000,
          .default_sample_type = "cpu",
          .doc_url = {}};
}

inline serve::WindowProfile window_of(ProfileBuilder builder, uint64_t samples) {
  serve::WindowProfile made;
  made.set_type("cpu");
  made.set_service("check out");
  made.set_time_nanos(1'795'317'600'000'000'000);
  made.set_duration_nanos(60'000'000'000);
  made.set_samples(samples);
  made.set_id(0xabc);
  (*made.mutable_labels())["host"] = "node/1";
  (*made.mutable_labels())["env"] = "a=b, c";
  (*made.mutable_labels())["pid"] = "77";
  made.set_profile(serialize_gzip(std::move(builder).finish()).value());
  return made;
}

// One stack (work, called by main, and below the kernel's entry) in two threads, 3 and 4 samples.
inline serve::WindowProfile window() {
  ProfileBuilder builder(window_header());
  const uint64_t app =
      builder.add_mapping({.start = 0x1000, .limit = 0x2000, .file = "/app", .build_id = "abcd"});
  const uint64_t kernel = builder.add_mapping({.start = 0xffffffff81000000,
                                               .limit = 0xffffffff82000000,
                                               .file = "[kernel.kallsyms]",
                                               .build_id = {},
                                               .kernel = true});
  const auto location = [&](uint64_t mapping, uint64_t address, const std::string& name) {
    const uint64_t function =
        builder.add_function({.name = name, .system_name = {}, .file = "app.cc"});
    const LineInfo line{.function = function, .line = 7};
    return builder.add_location(mapping, address, {&line, 1});
  };
  const std::array stack = {location(kernel, 0xffffffff81000100, "entry"),
                            location(app, 0x1100, "work"), location(app, 0x1200, "main")};
  for (const int64_t count : {3, 4}) {
    const std::array<int64_t, 2> values = {count, count * 10'000'000};
    const std::array labels = {
        Label{.key = "tid", .text = {}, .number = 100 + count, .unit = "tid"},
        Label{.key = "thread", .text = "t" + std::to_string(count), .number = 0, .unit = {}}};
    builder.add_sample(stack, values, labels);
  }
  return window_of(std::move(builder), 7);
}

// So many stacks, a sample each, of functions with long names.
inline serve::WindowProfile large_window(int stacks) {
  ProfileBuilder builder(window_header());
  const uint64_t app =
      builder.add_mapping({.start = 0x100000, .limit = 0x10000000, .file = "/app", .build_id = {}});
  for (int i = 0; i < stacks; ++i) {
    const uint64_t function =
        builder.add_function({.name = "function_with_a_rather_long_name_" + std::to_string(i),
                              .system_name = {},
                              .file = {}});
    const LineInfo line{.function = function};
    const uint64_t location =
        builder.add_location(app, 0x100000 + static_cast<uint64_t>(i), {&line, 1});
    const std::array<int64_t, 2> values = {1, 10'000'000};
    builder.add_sample({&location, 1}, values, {});
  }
  return window_of(std::move(builder), static_cast<uint64_t>(stacks));
}

} // namespace pprofd::ship
