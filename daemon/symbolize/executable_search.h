// Finds the files that a profile's mappings are of: the program or library itself, or where that is
// gone the file with its debug information, and takes none of another build. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"
#include "daemon/symbols/debug_files.h"
#include "daemon/symbols/name_source.h"
#include "symbolizer/client/worker_client.h"
#include "symbolizer/elf/segment.h"

namespace pprofd {

class Debuginfod;

// What a mapping says of its file.
struct WantedExecutable {
  std::string path;     // as the process saw it
  std::string build_id; // lower-case hex; empty: not said
  int64_t taken = 0;    // when the profile was complete, ns since 1970; 0: not said
};

struct FoundExecutable {
  FileToName file;
  // Of a file with debug information alone, which does not say what stood where in the program:
  // its code, as the process had it in memory. Empty: the file says all.
  std::vector<symbolizer::ElfSegment> code;

  // What the worker is asked for an address in the mapping; nothing: that can't be told.
  [[nodiscard]] std::optional<FileOffset> position(const perftools::profiles::Mapping& mapping,
                                                   uint64_t address) const;
};

class ExecutableSearch {
public:
  // `client` and `servers`, which are asked last (nullptr: there are none), must outlive this.
  // `folders`: absolute, searched as /usr/lib/debug is, and before it.
  ExecutableSearch(symbolizer::WorkerClient& client, std::vector<std::string> folders,
                   Debuginfod* servers)
      : client_(&client), servers_(servers), files_(std::move(folders)) {}

  // Accepted is a file of the same build id; where the mapping says none, one that has not been
  // changed since the profile was taken. Fails with why there is none, in Error::why.
  Result<FoundExecutable> find(const WantedExecutable& wanted);

private:
  Result<FoundExecutable> accept(const WantedExecutable& wanted, DebugFile candidate);

  symbolizer::WorkerClient* client_;
  Debuginfod* servers_;
  DebugFiles files_;
  uint64_t next_id_ = 1;
};

} // namespace pprofd
