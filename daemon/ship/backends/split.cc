#include "daemon/ship/backends/split.h"

#include <array>
#include <utility>

#include "daemon/profile/profile_builder.h"

namespace pprofd::ship {

namespace {

namespace proto = perftools::profiles;

// Without what no sample refers to.
Result<proto::Profile> compacted(const proto::Profile& profile) {
  const std::array<const proto::Profile*, 1> one = {&profile};
  return merge(one);
}

Result<void> split_into(const proto::Profile& profile, const SplitLimits& limits,
                        std::vector<proto::Profile>& pieces) {
  auto whole = compacted(profile);
  if (!whole)
    return std::unexpected(whole.error());
  if (whole->sample().empty())
    return {};
  const bool fits = whole->sample_size() <= limits.samples && whole->ByteSizeLong() <= limits.bytes;
  if (fits || whole->sample_size() == 1) {
    pieces.push_back(std::move(*whole));
    return {};
  }
  const int half = whole->sample_size() / 2;
  proto::Profile second = *whole;
  second.mutable_sample()->DeleteSubrange(0, half);
  whole->mutable_sample()->DeleteSubrange(half, whole->sample_size() - half);
  if (auto done = split_into(*whole, limits, pieces); !done)
    return done;
  return split_into(second, limits, pieces);
}

} // namespace

Result<std::vector<proto::Profile>> split_profile(const proto::Profile& profile,
                                                  const SplitLimits& limits) {
  std::vector<proto::Profile> pieces;
  if (auto done = split_into(profile, limits, pieces); !done)
    return std::unexpected(done.error());
  return pieces;
}

} // namespace pprofd::ship
