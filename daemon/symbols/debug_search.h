// Finds a file's debug information wherever it is kept: candidates by name (debug_files.h), of
// which the first that the worker reads the right build id from is taken. The files of split units
// are opened when the worker comes to the unit. What is nowhere on the machine may come from a
// debuginfod server (daemon/debuginfod). One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/symbols/debug_files.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

class Debuginfod;

// Descriptors are empty where there is no such file, or none that belongs to it.
struct FoundDebug {
  Fd file;                                 // holds what the described file does not have inside
  std::string path;                        // where that was found
  Fd supplementary;                        // what dwz has put aside from either
  Fd package;                              // the split units of either, where nothing was put aside
  symbolizer::SplitFileOpener split_files; // where there is no package; not after the DebugSearch
  uint64_t inflated = 0;                   // bytes that compressed sections of both come to
  Fd scratch;                  // where those are inflated; on disk, without a name, and as large
  uint64_t described_size = 0; // bytes of the files with the information, inflated
  Fd index;                    // stands for all of it
  std::string index_key;       // under which it is kept, or is to be; empty: not at all
  // Build ids: of what a debuginfod server may still give; of file and supplementary, where one
  // has.
  std::vector<std::string> wanted;
  std::string fetched;
  std::string fetched_supplementary;

  [[nodiscard]] symbolizer::DebugDescriptors descriptors() const {
    return {.lines = true,
            .file = file.get(),
            .supplementary = supplementary.get(),
            .package = package.get(),
            .split_files = split_files ? &split_files : nullptr,
            .scratch = scratch.get(),
            .index = index.get(),
            .index_key = index_key};
  }
  [[nodiscard]] uint64_t scratch_size() const { return scratch ? inflated : 0; }
};

// What a debuginfod server has given under this build id, where the worker, too, reads that from
// it; what is another file is thrown away. `id`: a new one, as WorkerClient has it.
struct FetchedDebug {
  Fd file;
  symbolizer::SymbolizedFile its; // what the worker says of it
};
std::optional<FetchedDebug> find_fetched(Debuginfod& servers, symbolizer::WorkerClient& client,
                                         uint64_t id, const std::string& build_id);

// Where sections of that size, inflated, may be put: a file on disk without a name. Empty: the
// worker's memory is good enough, or no disk has the room twice.
Fd make_scratch(uint64_t size);

class DebugSearch {
public:
  // Ids of files that the worker is asked for only once; above all that others ask for.
  static constexpr uint64_t kFirstId = uint64_t{1} << 60;

  // `client`, `cache`, where indexes are looked for first, and `servers` must outlive this;
  // nullptr: there is none. `folders`: as DebugFiles has them.
  explicit DebugSearch(symbolizer::WorkerClient& client, std::vector<std::string> folders = {},
                       IndexCache* cache = nullptr, Debuginfod* servers = nullptr)
      : client_(&client), cache_(cache), servers_(servers), files_(std::move(folders)) {}

  // `known`: what the worker says of the described file, which `fd` is of, without being asked for
  // addresses.
  FoundDebug find(const symbolizer::SymbolizedFile& known, int fd, const DescribedFile& described);

  // Whether something is missing that servers may give later.
  [[nodiscard]] bool may_come(const FoundDebug& found) const;
  // Whether something that was missing has been fetched since; asks for it anew otherwise.
  bool has_come(const FoundDebug& found);

private:
  FoundDebug find_files(const symbolizer::SymbolizedFile& known, const DescribedFile& described);
  std::optional<FetchedDebug> fetch(const std::string& build_id, FoundDebug& found);
  void add_fetched(const std::string& build_id, const DescribedFile& described, FoundDebug& found);
  void add_supplementary(const DescribedFile& described, const std::string& path,
                         const symbolizer::DebugLinks& links, FoundDebug& found);
  void add_package(const DescribedFile& described, const std::string& path, FoundDebug& found);
  symbolizer::SplitFileOpener opener_for(DescribedFile described, std::string path);
  symbolizer::SymbolizedFile identify(int fd);

  symbolizer::WorkerClient* client_;
  IndexCache* cache_;
  Debuginfod* servers_;
  DebugFiles files_;
  uint64_t next_id_ = kFirstId;
};

} // namespace pprofd
