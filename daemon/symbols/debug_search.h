// Finds a file's debug information wherever it is kept: candidates by name (debug_files.h), of
// which the first that the worker reads the right build id from is taken. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/symbols/debug_files.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// Descriptors are empty where there is no such file, or none that belongs to it.
struct FoundDebug {
  Fd file;          // holds what the described file does not have inside
  Fd supplementary; // what dwz has put aside from either
  Fd scratch;       // where compressed sections of both are inflated; on disk, without a name
  uint64_t scratch_size = 0;

  [[nodiscard]] symbolizer::DebugDescriptors descriptors() const {
    return {.lines = true,
            .file = file.get(),
            .supplementary = supplementary.get(),
            .scratch = scratch.get()};
  }
};

class DebugSearch {
public:
  // Ids of files that the worker is asked for only once; above all that others ask for.
  static constexpr uint64_t kFirstId = uint64_t{1} << 60;

  // `client` must outlive this.
  explicit DebugSearch(symbolizer::WorkerClient& client) : client_(&client) {}

  // `id` and `fd`: of the described file, as the worker is asked for it.
  FoundDebug find(uint64_t id, int fd, const DescribedFile& described);

private:
  FoundDebug find_files(uint64_t id, int fd, const DescribedFile& described);
  Fd find_supplementary(const DescribedFile& described, const std::string& path,
                        const symbolizer::DebugLinks& links);
  symbolizer::SymbolizedFile identify(int fd);

  symbolizer::WorkerClient* client_;
  DebugFiles files_;
  uint64_t next_id_ = kFirstId;
  uint64_t inflated_ = 0; // of the files found last
};

} // namespace pprofd
