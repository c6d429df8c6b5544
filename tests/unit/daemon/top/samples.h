// Live samples for the tests, made from profiles as compose_profile() makes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/profile/profile_builder.h"
#include "daemon/top/data/live_samples.h"

namespace pprofd::top {

struct MadeStack {
  uint32_t tid = 1;
  std::string thread = "main";
  std::vector<std::string> frames; // leaf first; "k:NAME": of the kernel
  int64_t samples = 1;
};

// 100 Hz: a sample is 10 ms.
inline constexpr int64_t kSampleNanos = 10'000'000;

inline perftools::profiles::Profile made_profile(const std::vector<MadeStack>& stacks,
                                                 const std::string& file) {
  ProfileBuilder builder({.sample_types = {{"samples", "count"}, {"cpu", "nanoseconds"}},
                          .period_type = {"cpu", "nanoseconds"},
                          .period = kSampleNanos,
                          .time_nanos = 1,
                          .duration_nanos = 1,
                          .default_sample_type = {},
                          .doc_url = {}});
  const uint64_t program =
      builder.add_mapping({.start = 0x1000, .limit = 0x100000, .file = file, .build_id = {}});
  const uint64_t kernel = builder.add_mapping({.start = 0xffffffff81000000,
                                               .limit = 0xffffffff82000000,
                                               .file = "[kernel.kallsyms]_stext",
                                               .build_id = {},
                                               .kernel = true});
  for (const MadeStack& stack : stacks) {
    std::vector<uint64_t> locations;
    for (std::string name : stack.frames) {
      const bool in_kernel = name.starts_with("k:");
      if (in_kernel)
        name.erase(0, 2);
      const uint64_t function = builder.add_function({.name = name, .system_name = {}, .file = {}});
      const uint64_t address =
          (in_kernel ? 0xffffffff81000000 : 0x1000) + std::hash<std::string>()(name) % 0x10000;
      const std::vector<LineInfo> lines{{.function = function}};
      locations.push_back(builder.add_location(in_kernel ? kernel : program, address, lines));
    }
    const std::vector<Label> labels{{.key = "tid", .text = {}, .number = stack.tid, .unit = "tid"},
                                    {.key = "thread", .text = stack.thread, .unit = {}}};
    const std::vector<int64_t> values{stack.samples, stack.samples * kSampleNanos};
    builder.add_sample(locations, values, labels);
  }
  return std::move(builder).finish();
}

struct MadeProcess {
  pid_t pid = 1;
  std::string comm = "program";
  std::vector<MadeStack> stacks;
  uint64_t incomplete = 0; // of its samples
  uint64_t dropped = 0;    // beside them
};

inline Interval made_interval(LiveSamples& samples, const std::vector<MadeProcess>& processes,
                              std::chrono::nanoseconds duration = std::chrono::seconds(1)) {
  IntervalBuilder builder(samples.names(), duration, 0);
  for (const MadeProcess& made : processes) {
    LiveProcess process{.identity = {.pid = made.pid, .start_ticks = 7},
                        .comm = made.comm,
                        .executable = "/usr/bin/" + made.comm,
                        .accounting = {}};
    uint64_t all = 0;
    for (const MadeStack& stack : made.stacks)
      all += static_cast<uint64_t>(stack.samples);
    process.accounting.stack_ends.at(PPROFD_STACK_COMPLETE) = all - made.incomplete;
    process.accounting.stack_ends.at(PPROFD_STACK_NO_ROW) = made.incomplete;
    process.accounting.drops_for(DropReason::kRingFull) = made.dropped;
    builder.add(std::move(process), made_profile(made.stacks, "/usr/bin/" + made.comm));
  }
  return std::move(builder).finish();
}

} // namespace pprofd::top
