// Names for the frames of files, fetched from the worker beside the sampling.
//
// The collector's thread hands in addresses as it meets them; a thread of the service's own asks
// the worker, one file at a time; the results are read when a profile is built. A file whose
// build id turns out to be another one than its mapping had gives no names: the file on disk is
// not the one that ran.
#pragma once

#include <prometheus/histogram.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/debuginfod/figures.h"
#include "daemon/symbols/file_names.h"
#include "daemon/symbols/name_source.h"
#include "symbolizer/base/address.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

class Debuginfod;

struct SymbolServiceOptions {
  symbolizer::WorkerOptions worker;
  std::string index_folder; // where indexes of files are kept; empty, or not to be used: nowhere
  bool make_indexes = true; // else those that are there are used
  double index_share = 0;   // of one CPU, for making them; 0: as much as it takes
  std::vector<std::string> debug_servers; // debuginfod's; nobody waits for them (await_fetched())
  bool fetch = true;                      // else what has been fetched earlier is used
};

class SymbolService {
public:
  explicit SymbolService(const SymbolServiceOptions& options);
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

  // How many requests there were so far, and whether the first so many have been answered.
  [[nodiscard]] uint64_t requested() const;
  [[nodiscard]] bool answered(uint64_t requests) const;

  // The names of a file so far. To be called, and what it gave to be used, while hold() is held or
  // after finish(); valid until forgotten.
  [[nodiscard]] const FileNames& names(uint64_t file_id) const;
  // No name comes or goes while it is held: for as long as it takes to build one profile.
  [[nodiscard]] std::unique_lock<std::mutex> hold() const { return std::unique_lock(mutex_); }

  // Files whose debug information has been fetched since their names were answered, since the last
  // call: forgotten and asked for again, they have better ones. The caller's thread only.
  std::vector<uint64_t> take_renewed();
  // Waits until what was asked for is answered and nothing is being fetched for it, at most until
  // then. Returns whether there is something for take_renewed().
  bool await_fetched(std::chrono::steady_clock::time_point until);
  // Of the fetching; what a user is to be told of it since the last call.
  [[nodiscard]] DebuginfodFigures fetch_figures() const;
  std::vector<Error> take_fetch_troubles();

  // Drops a file's names, or all: they may be asked for again. The caller's thread only.
  void forget(uint64_t file_id);
  void forget_all();
  // Bytes of heap, estimated.
  [[nodiscard]] size_t memory() const;
  [[nodiscard]] symbolizer::WorkerStatus worker_status() const { return client_.status(); }

  // Seconds from a request to its answer, waiting included: a histogram.
  [[nodiscard]] prometheus::ClientMetric latency() const { return latency_.Collect(); }

  // Indexes are made beside all this, where they pay (index_builder.h). Waits for those that are
  // being made or are to be, at most so long. Returns whether all are.
  bool finish_indexes(std::chrono::milliseconds at_most);
  // Does not make those that are being made or are to be.
  void give_up_indexes();
  [[nodiscard]] symbolizer::WorkerStatus index_worker_status() const;
  // Of the making, as far as its share of a CPU has made up for it.
  [[nodiscard]] std::chrono::nanoseconds index_cpu_charged() const;

private:
  struct Request {
    FileToName file;
    std::vector<FileOffset> offsets;
    std::chrono::steady_clock::time_point made;
  };

  void run(const std::stop_token& stop);
  void answer(const std::stop_token& stop, Request request);
  void store(const FileToName& file, std::span<const FileOffset> offsets,
             const symbolizer::SymbolizedFile& answer);

  symbolizer::WorkerClient client_;
  std::optional<IndexCache> cache_;
  std::unique_ptr<IndexBuilder> builder_;                            // nullptr: none are made
  std::unique_ptr<Debuginfod> servers_;                              // nullptr: there is none
  NameSource source_;                                                // the service's thread
  std::unordered_map<uint64_t, std::unordered_set<uint64_t>> asked_; // caller's thread
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Request> queue_;
  uint64_t requested_ = 0;
  uint64_t answered_ = 0;
  bool busy_ = false;
  prometheus::Histogram latency_{{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30}};
  bool arrived_ = false; // something was fetched
  std::vector<uint64_t> renewed_;
  bool abandoned_ = false; // a finish() ran out of time: later answers are not stored
  std::map<uint64_t, FileNames> files_;
  std::vector<std::pair<uint64_t, std::string>> rejected_;
  std::jthread thread_; // last: it uses all of the above
};

} // namespace pprofd
