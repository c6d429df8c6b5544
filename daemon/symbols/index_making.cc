#include "daemon/symbols/index_making.h"

#include <algorithm>
#include <utility>

namespace pprofd {
namespace {

// Bytes of debug information that an index is made of in a second, and the part of that time that
// look-ups may take before the index is worth it.
constexpr double kMakingPerSecond = 150e6;
constexpr double kWorthIt = 8;
constexpr uint64_t kLeastIndex = 1 << 20;
constexpr uint64_t kMostIndex = uint64_t{1} << 30;

} // namespace

bool index_pays(std::chrono::duration<double> looked_up, uint64_t described_size) {
  return looked_up.count() * kMakingPerSecond * kWorthIt >= static_cast<double>(described_size);
}

Result<void> make_index(symbolizer::WorkerClient& client, IndexCache& cache, const ToIndex& file) {
  const uint64_t room = std::min((file.debug->described_size / 4) + kLeastIndex, kMostIndex);
  auto draft = cache.begin(room);
  if (!draft)
    return std::unexpected(draft.error());
  symbolizer::DebugDescriptors descriptors = file.debug->descriptors();
  descriptors.index = draft->fd();
  const auto made = client.make_index(file.id, file.fd, descriptors, room);
  if (made.size == 0)
    return fail("make an index", made.failure);
  return cache.keep(std::move(*draft), made.size, file.debug->index_key);
}

} // namespace pprofd
