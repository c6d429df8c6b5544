// Names for the frames of files, fetched from the worker beside the sampling.
//
// The collector's thread hands in addresses as it meets them; a thread of the service's own asks
// the worker, one file at a time; the results are read when a profile is built. A file whose
// build id turns out to be another one than its mapping had gives no names: the file on disk is
// not the one that ran.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/symbols/debug_search.h"
#include "symbolizer/base/address.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// A function of one file.
struct NamedFunction {
  ElfAddress start;
  std::string name;
  std::string system_name;
  std::string file; // source file; empty: unknown
  uint32_t start_line = 0;
};

// One level of an address's inline chain.
struct NamedFrame {
  uint32_t function = 0; // index in FileNames::functions
  uint32_t line = 0;     // 0: unknown
  uint32_t column = 0;
};

struct NamedAddress {
  ElfAddress address;             // without frames its function's start, where that is known
  std::vector<NamedFrame> frames; // innermost first; empty: no symbol
};

// What is known of one file.
struct FileNames {
  std::string build_id;
  std::string failure; // why names are missing; empty when nothing went wrong
  std::vector<NamedFunction> functions;
  std::unordered_map<uint64_t, NamedAddress> addresses; // by file offset
};

// A file to be symbolized. The descriptor is the request's own.
struct FileToName {
  uint64_t id = 0; // the same for the same file in every request
  Fd fd;
  std::string expected_build_id; // lower-case hex; empty: not known
  symbolizer::NamesFile form = symbolizer::NamesFile::kElf;
  DescribedFile described; // for the search of its debug information
};

class SymbolService {
public:
  explicit SymbolService(const symbolizer::WorkerOptions& options);
  ~SymbolService(); // ends the thread, after the request it is at
  SymbolService(const SymbolService&) = delete;
  SymbolService& operator=(const SymbolService&) = delete;

  // Which of these offsets have not been asked for yet. Marks them as asked. The caller's thread
  // only; made so that a descriptor is needed only where something is left to ask.
  std::vector<FileOffset> take_new(uint64_t file_id, std::span<const FileOffset> offsets);
  // Queues the offsets for the worker; without offsets, only the build id is found out.
  void request(FileToName file, std::vector<FileOffset> offsets);
  // The file could not be opened: these offsets stay without names for this reason, unless they
  // are asked for again (by a process through which it can be opened). The caller's thread only.
  void give_up(uint64_t file_id, std::span<const FileOffset> offsets, std::string why);
  // Files found to be others than those mapped, with the reason, since the last call.
  std::vector<std::pair<uint64_t, std::string>> take_rejected();

  // Waits until everything requested is answered, at most so long; what is not answered by then
  // stays without names, now and later. Returns whether all was.
  bool finish(std::chrono::milliseconds at_most);

  // The names of a file so far. The reference stays valid for the life of the service, its content
  // is stable once finish() has returned.
  [[nodiscard]] const FileNames& names(uint64_t file_id) const;
  [[nodiscard]] symbolizer::WorkerStatus worker_status() const { return client_.status(); }

private:
  struct Request {
    FileToName file;
    std::vector<FileOffset> offsets;
  };
  static constexpr size_t kFoundBytes = size_t{4} << 30; // of scratch files

  // The service's thread only.
  symbolizer::DebugDescriptors debug_of(const FileToName& file);
  symbolizer::SymbolizedFile ask(const FileToName& file, std::span<const FileOffset> offsets,
                                 const symbolizer::DebugDescriptors& debug);
  void run(const std::stop_token& stop);
  void store(const Request& request, symbolizer::SymbolizedFile answer);

  symbolizer::WorkerClient client_;
  DebugSearch search_;                                // the service's thread
  LruCache<uint64_t, FoundDebug> found_{kFoundBytes}; // by the file's id; the service's thread
  std::unordered_map<uint64_t, std::unordered_set<uint64_t>> asked_; // caller's thread
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Request> queue_;
  bool busy_ = false;
  bool abandoned_ = false; // a finish() ran out of time: later answers are not stored
  std::map<uint64_t, FileNames> files_;
  std::vector<std::pair<uint64_t, std::string>> rejected_;
  std::map<std::pair<uint64_t, std::string>, uint32_t> function_ids_; // (file, what tells it apart)
  std::jthread thread_; // last: it uses all of the above
};

} // namespace pprofd
