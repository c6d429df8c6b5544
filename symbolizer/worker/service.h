// Answers the daemon's requests: from a file and positions in it to functions, and from a file to
// its unwind rows or the list of its symbols. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "proto/worker.pb.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/worker/file_cache.h"

namespace pprofd::symbolizer {

struct ServiceLimits {
  uint64_t memory = 0;       // bytes the process may allocate
  size_t mangled_length = 0; // longest name that is demangled
};

class Service {
public:
  // Takes one Reply, RowReply or SymbolReply; false: nobody listens any more.
  using Send = std::function<bool(const google::protobuf::MessageLite&)>;

  explicit Service(const ServiceLimits& limits);

  // Answers `request` with one reply or more, in order. `files`: the file that it is about, and
  // those with debug information that it announces. `fetch`: for others that the debug information
  // names, where the request allows it; at most once for each address that it asks for.
  void answer(const worker::Request& request, std::span<const Fd> files, const Send& send,
              const FetchSplitFiles& fetch);
  // Holds no memory that is only there to be fast: what is asked next takes a moment longer.
  void release_memory() const;

private:
  void answer_names(const worker::Request& request, const Fd& file, const DebugFds& debug,
                    const Send& send);
  void answer_by_index(const worker::Request& request, const Fd& file, const Fd& index,
                       const Send& send);
  void make_index(const worker::Request& request, const Fd& file, std::span<const Fd> debug,
                  const Send& send);
  void answer_by_perf_map(const worker::Request& request, const Fd& file, const Send& send);
  void answer_by_jit_dump(const worker::Request& request, const Fd& file, const Send& send);
  void answer_symbols(const worker::Request& request, const Fd& file, const Send& send);
  void answer_rows(const worker::Request& request, const Fd& file, const Send& send);

  FileCache cache_;
  size_t mangled_length_;
};

} // namespace pprofd::symbolizer
