#include "symbolizer/client/worker_client.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "symbolizer/client/policy.h"
#include "symbolizer/client/proc_usage.h"
#include "symbolizer/client/process.h"
#include "symbolizer/client/reply_reader.h"
#include "symbolizer/client/row_reader.h"
#include "symbolizer/client/symbol_reader.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"

namespace pprofd::symbolizer {
namespace {

using std::chrono::milliseconds;

// Marks a file's id where it is its debug information that ends workers.
constexpr uint64_t kLinesOfFile = uint64_t{1} << 63;
// The same where it is the making of its index.
constexpr uint64_t kIndexOfFile = uint64_t{1} << 62;
constexpr milliseconds kReapPatience{1000};
// A worker that closed its socket is about to end by itself: its own status tells why.
constexpr milliseconds kLastWords{500};

worker::Style style_of(DemangleStyle style) {
  switch (style) {
  case DemangleStyle::kTemplates:
    return worker::TEMPLATES;
  case DemangleStyle::kSimple:
    return worker::SIMPLE;
  case DemangleStyle::kNone:
    return worker::NONE;
  case DemangleStyle::kFull:
    break;
  }
  return worker::FULL;
}

std::string seconds_text(milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 != 0 ? "." + std::to_string(tenths % 10) : "") +
         " s";
}

// An exchange that did not work out.
struct Trouble {
  WorkerEnd end = WorkerEnd::kDied;
  std::string text;
  bool final = false; // not to be tried again: a part of the answer is with the caller already
};

} // namespace

std::string_view name_of(WorkerEnd end) {
  static constexpr std::array<std::string_view, kWorkerEnds> kNames = {"start", "died", "deadline",
                                                                       "protocol"};
  return kNames[static_cast<size_t>(end)];
}

class WorkerClient::Impl {
public:
  explicit Impl(WorkerOptions options)
      : options_(std::move(options)), budget_(options_.restarts_per_minute) {}

  ~Impl() {
    if (worker_) {
      worker_->process.kill();
      worker_->process.reap(kReapPatience);
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::string start() {
    const std::scoped_lock lock(call_);
    return ensure_running(Deadline::clock::now() + options_.deadline);
  }

  // `times`: of a jitdump's addresses, as many as there are of those.
  SymbolizedFile symbolize(uint64_t file_id, int fd, std::span<const FileOffset> offsets,
                           NamesFile form, DebugDescriptors debug,
                           std::span<const uint64_t> times = {}) {
    const std::scoped_lock lock(call_);
    const Deadline deadline = Deadline::clock::now() + options_.deadline;
    SymbolizedFile result;
    result.addresses.resize(offsets.size());
    for (size_t i = 0; i < offsets.size(); ++i)
      result.addresses[i].address = {offsets[i].value};
    const Exchange exchange = [&] {
      return ask_names(file_id, {fd, debug}, {offsets, times, form}, deadline, result);
    };
    const uint64_t strikes = debug.lines ? file_id | kLinesOfFile : file_id;
    std::string failure = converse(strikes, fd, deadline, exchange);
    result.answered = failure.empty();
    if (!result.answered) {
      result.failure = std::move(failure);
      result.names_fault = result.lines_fault = NamesFault::kNoAnswer;
    }
    return result;
  }

  UnwindTableFacts compile_rows(uint64_t file_id, int fd, const RowOptions& options,
                                const RowBatchSink& sink) {
    const std::scoped_lock lock(call_);
    const Deadline deadline = Deadline::clock::now() + options_.deadline;
    UnwindTableFacts result;
    const Exchange exchange = [&] {
      result = {};
      return ask_rows(file_id, fd, options, sink, deadline, result);
    };
    if (std::string failure = converse(file_id, fd, deadline, exchange); !failure.empty())
      result.failure = std::move(failure);
    return result;
  }

  SymbolFacts list_symbols(uint64_t file_id, int fd, const SymbolSink& sink) {
    const std::scoped_lock lock(call_);
    const Deadline deadline = Deadline::clock::now() + options_.deadline;
    SymbolFacts result;
    const Exchange exchange = [&] {
      result = {};
      return ask_symbols(file_id, fd, sink, deadline, result);
    };
    if (std::string failure = converse(file_id, fd, deadline, exchange); !failure.empty())
      result.failure = std::move(failure);
    return result;
  }

  MadeIndex make_index(uint64_t file_id, int fd, const DebugDescriptors& debug, uint64_t room) {
    const std::scoped_lock lock(call_);
    const Deadline deadline = Deadline::clock::now() + options_.deadline;
    MadeIndex result;
    const Exchange exchange = [&] {
      worker::Request request = request_for(file_id);
      request.set_make_index(true);
      return ask(request, {fd, debug}, deadline, [&](auto bytes) -> Result<bool> {
        const auto reply = decode_index_reply(bytes, request_id_, room);
        if (!reply)
          return std::unexpected(reply.error());
        result = {.size = reply->size(), .failure = reply->failure()};
        return true;
      });
    };
    if (std::string failure = converse(file_id | kIndexOfFile, fd, deadline, exchange);
        !failure.empty())
      result = {.size = 0, .failure = std::move(failure)};
    return result;
  }

  void abandon() {
    const std::scoped_lock lock(state_);
    abandoned_ = true;
    if (status_.pid != 0)
      ::kill(status_.pid, SIGKILL);
  }

  WorkerStatus status() const {
    const std::scoped_lock lock(state_);
    WorkerStatus status = status_;
    if (status.pid != 0) {
      const ProcUsage usage = read_usage(status.pid);
      status.cpu_time += usage.cpu_time;
      status.anonymous_bytes = usage.anonymous_bytes;
    }
    return status;
  }

private:
  // Asks the running worker and takes its answer.
  using Exchange = std::function<std::optional<Trouble>()>;

  // Runs the exchange about a file, a second time where it ended the first worker. Returns why it
  // did not work out; empty: it did.
  std::string converse(uint64_t file_id, int fd, Deadline deadline, const Exchange& exchange) {
    if (::fcntl(fd, F_GETFD) < 0)
      return "no file: " + errno_text(errno);
    while (!strikes_.refused(file_id)) {
      if (std::string failure = ensure_running(deadline); !failure.empty())
        return failure;
      const auto trouble = exchange();
      if (!trouble)
        return {};
      std::string failure = "the symbolizer " + end_worker(*trouble);
      const bool refused = strikes_.strike(file_id);
      if (refused)
        count_refused();
      if (refused || trouble->final || trouble->end == WorkerEnd::kDeadline)
        return failure;
    }
    return "not tried again: it ended the symbolizer twice";
  }

  // Returns why there is no worker; empty: there is.
  std::string ensure_running(Deadline deadline) {
    reap_leftovers();
    if (worker_ && worker_->process.has_ended(milliseconds(0)))
      end_worker({.end = WorkerEnd::kDied, .text = {}});
    if (worker_)
      return {};
    if (is_abandoned())
      return "it was not waited for";
    if (!budget_.take(Deadline::clock::now()))
      return "the symbolizer was restarted " + std::to_string(options_.restarts_per_minute) +
             " times within a minute";
    auto started = start_worker(options_.program);
    if (!started) {
      const std::scoped_lock lock(state_);
      ++status_.ends[static_cast<size_t>(WorkerEnd::kStart)];
      status_.last_end = started.error().what + ": " + started.error().why;
      return status_.last_end;
    }
    worker_ = std::make_unique<StartedWorker>(std::move(*started));
    {
      const std::scoped_lock lock(state_);
      status_.pid = worker_->process.pid();
      ++status_.starts;
      if (abandoned_)
        ::kill(status_.pid, SIGKILL);
    }
    if (!greet(deadline))
      return "the symbolizer did not start: it " +
             end_worker({.end = WorkerEnd::kStart, .text = {}});
    return {};
  }

  bool greet(Deadline deadline) {
    worker::Setup setup;
    setup.set_version(kProtocolVersion);
    setup.set_memory_limit(options_.memory_limit);
    const auto cpu = options_.cpu_limit.count() == 0 ? options_.deadline : options_.cpu_limit;
    setup.set_cpu_milliseconds(static_cast<uint32_t>(cpu.count()));
    setup.set_background(options_.background);
    if (!worker_->channel.send(encode(setup), {}, deadline))
      return false;
    const auto packet = worker_->channel.receive(/*descriptors=*/false, deadline);
    if (!packet)
      return false;
    const auto hello = decode_hello(packet->bytes);
    if (!hello)
      return false;
    const std::scoped_lock lock(state_);
    status_.sandbox.clear();
    for (const worker::Hello::Part& part : hello->sandbox())
      status_.sandbox.push_back(
          {.name = part.name(), .applied = part.applied(), .detail = part.detail()});
    return true;
  }

  // Takes one packet; whether it was the last. Fails with what is wrong with it.
  using Take = std::function<Result<bool>(std::span<const std::byte>)>;

  // A file and those with its debug information.
  struct Files {
    int file = -1;
    DebugDescriptors debug;
  };

  // Sends the request, which gets its id here, and takes the replies to it.
  std::optional<Trouble> ask(worker::Request& request, const Files& files, Deadline deadline,
                             const Take& take) {
    request.set_id(++request_id_);
    std::vector<int> descriptors{files.file};
    if (files.debug.file >= 0)
      descriptors.push_back(files.debug.file);
    if (files.debug.supplementary >= 0)
      descriptors.push_back(files.debug.supplementary);
    const bool package = files.debug.package >= 0 && files.debug.supplementary < 0;
    if (package)
      descriptors.push_back(files.debug.package);
    if (files.debug.scratch >= 0)
      descriptors.push_back(files.debug.scratch);
    if (files.debug.index >= 0) {
      descriptors.push_back(files.debug.index);
      request.set_index_key(files.debug.index_key.data(), files.debug.index_key.size());
    }
    request.set_scratch(files.debug.scratch >= 0);
    request.set_lines(files.debug.lines);
    request.set_debug_file(files.debug.file >= 0);
    request.set_supplementary(files.debug.supplementary >= 0);
    request.set_package(package);
    if (auto sent = worker_->channel.send(encode(request), descriptors, deadline); !sent)
      return trouble_of(sent.error(), "");
    for (;;) {
      const auto packet = worker_->channel.receive(/*descriptors=*/false, deadline);
      if (!packet)
        return trouble_of(packet.error(), "a packet too large");
      const auto received = Deadline::clock::now();
      const auto last = take(packet->bytes);
      deadline += Deadline::clock::now() - received; // it is the worker's, not the caller's
      if (!last)
        return trouble_of(ChannelError::kPacket, last.error().why);
      if (*last)
        return std::nullopt;
    }
  }

  worker::Request request_for(uint64_t file_id) const {
    worker::Request request;
    request.set_file(file_id);
    request.set_style(style_of(options_.demangle));
    return request;
  }

  // What names are asked for.
  struct Asked {
    std::span<const FileOffset> offsets;
    std::span<const uint64_t> times; // of a jitdump
    NamesFile form = NamesFile::kElf;
  };

  // Asks for all offsets, in requests that fit into a packet.
  std::optional<Trouble> ask_names(uint64_t file_id, const Files& files, const Asked& asked,
                                   Deadline deadline, SymbolizedFile& result) {
    ReplyReader reader(result);
    result.failure.clear();
    result.names_fault = result.lines_fault = NamesFault::kNone;
    const size_t most = asked.times.empty() ? kMaxOffsets : kMaxOffsets / 2;
    size_t first = 0;
    do {
      const auto piece = asked.offsets.subspan(first, std::min(asked.offsets.size() - first, most));
      worker::Request request = request_for(file_id);
      request.set_perf_map(asked.form == NamesFile::kPerfMap);
      request.set_jit_dump(asked.form == NamesFile::kJitDump);
      request.set_by_address(asked.form == NamesFile::kElfByAddress);
      for (const FileOffset offset : piece)
        request.add_offsets(offset.value);
      if (request.jit_dump())
        for (const uint64_t time : asked.times.subspan(first, piece.size()))
          request.add_times(time);
      const SplitFileOpener* const split_files = files.debug.split_files;
      request.set_split_files(split_files != nullptr);
      size_t missing = piece.size();
      // Each address is in one unit at most.
      size_t wanted = split_files == nullptr ? 0 : piece.size();
      const auto trouble = ask(request, files, deadline, [&](auto bytes) -> Result<bool> {
        const auto reply = decode_reply(
            bytes,
            {.id = request_id_, .offsets = piece.size(), .missing = missing, .files = wanted});
        if (!reply)
          return std::unexpected(reply.error());
        if (reply->has_wanted()) {
          --wanted;
          result.split_files = true;
          return hand_over((*split_files)(reply->wanted().folder(), reply->wanted().name()));
        }
        missing -= static_cast<size_t>(reply->addresses_size());
        reader.take(*reply, first);
        return reply->last();
      });
      if (trouble)
        return trouble;
      first += piece.size();
    } while (first < asked.offsets.size());
    return std::nullopt;
  }

  // What the worker asked for in the middle of its answer, which goes on then.
  Result<bool> hand_over(std::span<const Fd> files) {
    std::vector<int> descriptors;
    for (const Fd& file : files.first(std::min(files.size(), kMaxDescriptors)))
      descriptors.push_back(file.get());
    worker::Handover handover;
    handover.set_id(request_id_);
    if (!worker_->channel.send(encode(handover), descriptors,
                               Deadline::clock::now() + options_.deadline))
      return fail("", "it does not take what it asked for");
    return false;
  }

  // As ask(), with each reply decoded and given to the reader.
  template <typename Decode, typename Reader>
  std::optional<Trouble> ask_stream(worker::Request& request, int fd, Deadline deadline,
                                    Decode decode, Reader& reader) {
    return ask(request, {.file = fd, .debug = {}}, deadline, [&](auto bytes) -> Result<bool> {
      const auto reply = decode(bytes, request_id_);
      if (!reply)
        return std::unexpected(reply.error());
      if (const auto taken = reader.take(*reply); !taken)
        return std::unexpected(taken.error());
      return reply->last();
    });
  }

  std::optional<Trouble> ask_rows(uint64_t file_id, int fd, const RowOptions& options,
                                  const RowBatchSink& sink, Deadline deadline,
                                  UnwindTableFacts& result) {
    worker::Request request = request_for(file_id);
    request.mutable_rows()->set_merge_pairs(options.merge_pairs);
    request.mutable_rows()->set_padding(options.padding);
    request.mutable_rows()->set_beyond_cfi(options.beyond_cfi);
    RowReader reader(sink, result);
    auto trouble = ask_stream(request, fd, deadline, decode_row_reply, reader);
    if (trouble)
      trouble->final = result.rows != 0;
    return trouble;
  }

  std::optional<Trouble> ask_symbols(uint64_t file_id, int fd, const SymbolSink& sink,
                                     Deadline deadline, SymbolFacts& result) {
    worker::Request request = request_for(file_id);
    request.mutable_symbols()->set_list(static_cast<bool>(sink));
    SymbolReader reader(sink, result);
    auto trouble = ask_stream(request, fd, deadline, decode_symbol_reply, reader);
    if (trouble)
      trouble->final = reader.symbols() != 0;
    return trouble;
  }

  Trouble trouble_of(ChannelError error, const std::string& detail) const {
    switch (error) {
    case ChannelError::kDeadline:
      return {.end = WorkerEnd::kDeadline,
              .text = "did not answer within " + seconds_text(options_.deadline)};
    case ChannelError::kPacket:
      return {.end = WorkerEnd::kProtocol, .text = "answered wrongly: " + detail};
    case ChannelError::kClosed:
      break;
    }
    return {.end = WorkerEnd::kDied, .text = {}};
  }

  // Kills and reaps the worker, counts why. Returns the reason in words.
  std::string end_worker(Trouble trouble) {
    const std::unique_ptr<StartedWorker> worker = std::move(worker_);
    std::optional<ProcessEnd> end;
    {
      // The status is taken away from status() before its pid may go to another process.
      const std::scoped_lock lock(state_);
      status_.pid = 0;
    }
    if (trouble.text.empty())
      end = worker->process.reap(kLastWords);
    if (!end) {
      worker->process.kill();
      end = worker->process.reap(kReapPatience);
    }
    if (!end)
      leftovers_.push_back(std::move(worker->process));
    if (trouble.text.empty())
      trouble.text = end ? end->text : "could not be ended";
    const std::scoped_lock lock(state_);
    if (end)
      status_.cpu_time += end->cpu_time;
    ++status_.ends[static_cast<size_t>(trouble.end)];
    status_.last_end = trouble.text;
    return trouble.text;
  }

  void reap_leftovers() {
    std::erase_if(leftovers_, [&](ChildProcess& process) {
      const auto end = process.reap(milliseconds(0));
      if (!end)
        return false;
      const std::scoped_lock lock(state_);
      status_.cpu_time += end->cpu_time;
      return true;
    });
  }

  [[nodiscard]] bool is_abandoned() const {
    const std::scoped_lock lock(state_);
    return abandoned_;
  }

  void count_refused() {
    const std::scoped_lock lock(state_);
    ++status_.refused_files;
  }

  const WorkerOptions options_;
  std::mutex call_; // held by a running call; guards what follows
  std::unique_ptr<StartedWorker> worker_;
  std::vector<ChildProcess> leftovers_; // killed, not yet ended
  RestartBudget budget_;
  Strikes strikes_;
  uint64_t request_id_ = 0;
  mutable std::mutex state_; // guards what status() reads
  WorkerStatus status_;
  bool abandoned_ = false;
};

WorkerClient::WorkerClient(WorkerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

WorkerClient::~WorkerClient() = default;

std::string WorkerClient::start() {
  return impl_->start();
}

SymbolizedFile WorkerClient::symbolize(uint64_t file_id, int fd,
                                       std::span<const FileOffset> offsets, NamesFile form,
                                       DebugDescriptors debug) {
  return impl_->symbolize(file_id, fd, offsets, form, debug);
}

SymbolizedFile WorkerClient::symbolize_jit_dump(uint64_t file_id, int fd,
                                                std::span<const FileOffset> addresses,
                                                std::span<const uint64_t> times) {
  return impl_->symbolize(file_id, fd, addresses, NamesFile::kJitDump, {}, times);
}

UnwindTableFacts WorkerClient::compile_rows(uint64_t file_id, int fd, const RowOptions& options,
                                            const RowBatchSink& sink) {
  return impl_->compile_rows(file_id, fd, options, sink);
}

SymbolFacts WorkerClient::list_symbols(uint64_t file_id, int fd, const SymbolSink& sink) {
  return impl_->list_symbols(file_id, fd, sink);
}

MadeIndex WorkerClient::make_index(uint64_t file_id, int fd, const DebugDescriptors& debug,
                                   uint64_t room) {
  return impl_->make_index(file_id, fd, debug, room);
}

void WorkerClient::abandon() {
  impl_->abandon();
}

WorkerStatus WorkerClient::status() const {
  return impl_->status();
}

} // namespace pprofd::symbolizer
