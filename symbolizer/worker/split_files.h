// The files of one executable's split units (.dwo), each opened when a look-up comes to its unit,
// and held as long as what was read from it. The worker opens nothing: whoever asks for the look-up
// gets them. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/dwarf/split.h"

namespace pprofd::symbolizer {

// Opens the files that a unit may mean, the likeliest first; none: there is none. Whether one has
// the unit is seen by its id.
using FetchSplitFiles = std::function<std::vector<Fd>(const dwarf::SplitReference&)>;

class SplitFiles {
public:
  static constexpr size_t kMost = 60;          // held at a time, …
  static constexpr size_t kMostCandidates = 5; // … beside those that a unit may mean

  // `memory`: bytes that compressed sections of those that are held may come to.
  explicit SplitFiles(uint64_t memory) : memory_limit_(memory) {}
  SplitFiles(const SplitFiles&) = delete;
  SplitFiles& operator=(const SplitFiles&) = delete;

  // For the look-ups from now on.
  void fetch_by(FetchSplitFiles fetch) { fetch_ = std::move(fetch); }

  // This must outlive what is returned.
  std::vector<dwarf::SplitSections> find(const dwarf::SplitReference& reference);

  // Whether all of them have to be let go before another is found.
  [[nodiscard]] bool full() const { return held_.size() >= kMost || inflated_ > memory_limit_ / 2; }
  // Whether something that was read was not in its file any more.
  [[nodiscard]] bool changed() const;
  [[nodiscard]] uint64_t memory() const { return inflated_; } // bytes held, about

private:
  class File;

  uint64_t memory_limit_;
  FetchSplitFiles fetch_;
  std::unordered_set<const File*> held_;
  uint64_t inflated_ = 0; // bytes of all that are held
};

} // namespace pprofd::symbolizer
