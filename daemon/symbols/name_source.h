// Names of a file's addresses, asked of the worker with the file's debug information wherever that
// is kept, or with the index that was made of it earlier. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/symbols/debug_search.h"
#include "daemon/symbols/index_builder.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

class Debuginfod;

// A file to be symbolized. The descriptor is the request's own.
struct FileToName {
  uint64_t id = 0; // the same for the same file in every request
  Fd fd;
  std::string expected_build_id; // lower-case hex; empty: not known
  symbolizer::NamesFile form = symbolizer::NamesFile::kElf;
  // kJitDump: of each of the request's offsets, as of when. GCC warns where it is left out
  // otherwise.
  std::vector<uint64_t> times{}; // NOLINT(readability-redundant-member-init)
  DescribedFile described;       // for the search of its debug information
};

class NameSource {
public:
  // What is asked for at once: each request has the worker's whole deadline, and lines may take
  // milliseconds an address.
  static constexpr size_t kOffsetsPerRequest = 1024;

  // `client` must outlive this, as must `cache`, where indexes are looked for, `builder`, which
  // gets those to make that pay, and `servers`; nullptr: there is none. `debug_folders`: as
  // DebugFiles has them.
  explicit NameSource(symbolizer::WorkerClient& client, std::vector<std::string> debug_folders = {},
                      IndexCache* cache = nullptr, IndexBuilder* builder = nullptr,
                      Debuginfod* servers = nullptr)
      : client_(&client), cache_(cache), builder_(builder),
        search_(client, std::move(debug_folders), cache, servers) {}

  // At most kOffsetsPerRequest of them, `times` the same; none: only the build id is found out.
  // Where the debug information is too much for the worker, names come without lines, and `failure`
  // says why.
  symbolizer::SymbolizedFile ask(const FileToName& file, std::span<const FileOffset> offsets,
                                 std::span<const uint64_t> times = {});

  // These have been fetched (build ids). Returns the files, by id, whose answers have been without
  // them so far: from now on they are with them.
  std::vector<uint64_t> renew(const std::vector<std::string>& arrived);

private:
  static constexpr size_t kMostAwaiting = 8192;          // files; of more nothing is said
  static constexpr size_t kFoundBytes = size_t{4} << 30; // of scratch files

  struct Known {
    FoundDebug debug;
    std::chrono::duration<double> looked_up{0};
    bool index_asked = false; // of the builder
  };

  Known& known(const FileToName& file);
  symbolizer::SymbolizedFile ask_with(Known& known, const FileToName& file,
                                      std::span<const FileOffset> offsets);
  void adopt_index(Known& known);
  void drop_index(Known& known);
  void consider_index(Known& known, const FileToName& file,
                      const symbolizer::SymbolizedFile& answer);

  symbolizer::WorkerClient* client_;
  IndexCache* cache_;
  IndexBuilder* builder_;
  DebugSearch search_;
  LruCache<uint64_t, Known> known_{kFoundBytes};                    // by the file's id
  std::unordered_map<uint64_t, std::vector<std::string>> awaiting_; // what files were without
};

} // namespace pprofd
