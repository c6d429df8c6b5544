// Profiles of every shape that our builder makes: recursion, inlined functions, several
// executables, frames without symbols, labels, kernel frames, names of several languages.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {

class RandomProfile {
public:
  explicit RandomProfile(uint32_t seed) : random_(seed), builder_(cpu_header()) {}

  perftools::profiles::Profile make(int samples) {
    mappings_ = {
        builder_.add_mapping({0x400000, 0x500000, 0, "/usr/bin/app", "c0ffee", false}),
        builder_.add_mapping({0x7f0000, 0x7f9000, 0x2000, "/usr/lib/libx.so.1", "beef", false}),
        builder_.add_mapping(
            {0xffffffff80000000, 0xffffffff90000000, 0, "[kernel.kallsyms]_text", "", true}),
        0};
    for (int i = 0; i < 40; i++)
      locations_.push_back(location());
    for (int i = 0; i < samples; i++)
      sample();
    builder_.add_comment("pid", "1");
    return std::move(builder_).finish();
  }

private:
  uint64_t below(uint64_t limit) { return random_() % limit; }

  uint64_t function() {
    static const std::array<std::string, 8> names{
        "main",     "std::vector<int, std::allocator<int>>::push_back(int&&)",
        "recurse",  "main.(*T).f",
        "do_sys",   "<alloc::vec::Vec<T> as core::ops::Drop>::drop",
        "fib(int)", "operator<<(std::ostream&, int)"};
    uint64_t which = below(names.size());
    return builder_.add_function({.name = names.at(which),
                                  .system_name = "_Z" + std::to_string(which),
                                  .file = below(2) == 0 ? "" : "dir/../file.cc",
                                  .start_line = static_cast<int64_t>(below(2))});
  }

  uint64_t location() {
    uint64_t mapping = mappings_.at(below(mappings_.size()));
    constexpr std::array<uint64_t, 4> kStarts{0, 0x400000, 0x7f0000, 0xffffffff80000000};
    uint64_t address = kStarts.at(mapping) + below(0x8000);
    std::vector<LineInfo> lines(below(4));
    for (LineInfo& line : lines)
      line = {.function = function(), .line = static_cast<int64_t>(below(3)), .column = 0};
    return builder_.add_location(mapping, address, lines);
  }

  void sample() {
    std::vector<uint64_t> trace(below(8) + 1);
    for (uint64_t& id : trace)
      id = locations_.at(below(locations_.size()));
    std::vector<Label> labels;
    if (below(2) == 0)
      labels.push_back({"tid", "", static_cast<int64_t>(below(3)), "tid"});
    if (below(2) == 0)
      labels.push_back({"thread", below(2) == 0 ? "worker" : "main", 0, ""});
    auto count = static_cast<int64_t>(below(5) + 1);
    builder_.add_sample(trace, std::array{count, count * 10'101'010}, labels);
  }

  std::mt19937 random_;
  ProfileBuilder builder_;
  std::vector<uint64_t> mappings_;
  std::vector<uint64_t> locations_;
};

} // namespace pprofd
