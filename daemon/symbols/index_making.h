// When an index of a file is worth the work, and how it is made. Any thread, one at a time for each
// client and cache.
#pragma once

#include <chrono>
#include <cstdint>

#include "daemon/symbols/debug_search.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// Whether look-ups in so many bytes of debug information (inflated) have taken long enough.
bool index_pays(std::chrono::duration<double> looked_up, uint64_t described_size);

// What is to be indexed: a file, and where its debug information was found, with the key that the
// index gets.
struct ToIndex {
  uint64_t id = 0; // as WorkerClient has it
  int fd = -1;
  const FoundDebug* debug = nullptr;
};

// Blocks, at most for the client's deadline. That it fails costs time the next time, nothing else.
Result<void> make_index(symbolizer::WorkerClient& client, IndexCache& cache, const ToIndex& file);

} // namespace pprofd
