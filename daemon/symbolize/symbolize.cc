#include "daemon/symbolize/symbolize.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "daemon/debuginfod/debuginfod.h"
#include "daemon/symbols/debug_search.h"
#include "daemon/symbols/index_cache.h"
#include "daemon/symbols/index_making.h"
#include "symbolizer/base/address_text.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/base/regular_file.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using symbolizer::NamesFile;
using symbolizer::SymbolizedAddress;

constexpr uint64_t kFileId = 1;
constexpr size_t kEnoughLines = 16'384; // for one answer
// The more there are in one call, the less work is done twice.
constexpr size_t kAddressesPerCall = 20'480;

std::string_view known(std::string_view text) {
  return text.empty() ? std::string_view("??") : text;
}

std::string text_of(const SymbolizedAddress& address) {
  std::string text;
  for (const auto& frame : address.frames)
    fmt::format_to(std::back_inserter(text), "{}\n{}:{}:{}\n", known(frame.function),
                   known(frame.file), frame.line, frame.column);
  text += address.frames.empty() ? "??\n??:0:0\n\n" : "\n";
  return text;
}

constexpr size_t kAnsweredBytes = size_t{24} << 20;

// Whether something can be read at once.
bool has_more(int fd) {
  pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&asked, 1, 0) == 1;
}

// One file, and whoever knows its names.
class Symbolization {
public:
  explicit Symbolization(const SymbolizeOptions& options)
      : options_(options), what_("symbolize " + options.file), client_(worker_options(options)),
        servers_(Debuginfod::create(
            {.choice = options.debuginfod, .cache_folder = options.indexes.folder})) {}

  Result<void> open(const std::string& path) {
    auto file = open_regular_file(path, what_);
    if (!file)
      return std::unexpected(file.error());
    file_ = std::move(file->fd);
    if (auto ready = open_cache(); !ready)
      return ready;
    identity_ = client_.symbolize(kFileId, file_.get(), {});
    if (!identity_.failure.empty())
      return fail(what_, identity_.failure);
    std::error_code error;
    const auto whole = std::filesystem::canonical(path, error);
    described_ = {
        .pid = 0, .uid = file->uid, .path = error ? path : whole.string(), .owned_by_root = false};
    find_debug();
    return {};
  }

  std::vector<Error> take_troubles() {
    return servers_ == nullptr ? std::vector<Error>() : servers_->take_troubles();
  }

  // In the order asked.
  Result<void> answer(std::span<const ElfAddress> addresses, const TextSink& sink) {
    while (!addresses.empty()) {
      const auto piece = addresses.first(std::min(addresses.size(), kAddressesPerCall));
      addresses = addresses.subspan(piece.size());
      if (auto done = answer_piece(piece, sink); !done)
        return done;
    }
    return {};
  }

  // Makes the index, where look-ups took so long that it is worth the while.
  void finish() {
    if (cache_ && !debug_.index && !debug_.index_key.empty() && !split_files_ &&
        index_pays(looked_up_, debug_.described_size))
      static_cast<void>(
          make_index(client_, *cache_, {.id = kFileId, .fd = file_.get(), .debug = &debug_}));
  }

private:
  Result<void> open_cache() {
    auto cache = IndexCache::open_chosen(options_.indexes);
    if (!cache)
      return std::unexpected(cache.error());
    if (auto& chosen = *cache)
      cache_.emplace(std::move(*chosen));
    return {};
  }

  void find_debug() {
    if (!search_)
      search_.emplace(client_, options_.debug_folders, cache_ ? &*cache_ : nullptr, servers_.get());
    debug_ = search_->find(identity_, file_.get(), described_);
  }

  static symbolizer::WorkerOptions worker_options(const SymbolizeOptions& options) {
    symbolizer::WorkerOptions worker;
    worker.demangle = options.demangle;
    worker.deadline = 60s; // nobody else waits for it
    return worker;
  }

  Result<void> answer_piece(std::span<const ElfAddress> addresses, const TextSink& sink) {
    std::vector<FileOffset> asked;
    for (const ElfAddress address : addresses)
      if (answered_.find(address.value) == nullptr)
        asked.push_back({address.value});
    const auto answer = asked.empty() ? symbolizer::SymbolizedFile() : ask(asked);
    if (!asked.empty() && !answer.answered)
      return fail(what_, answer.failure);
    std::string text;
    std::vector<std::string> fresh; // what was asked, in this order
    for (const ElfAddress address : addresses) {
      if (const std::string* const before = answered_.find(address.value); before != nullptr) {
        text += *before;
        continue;
      }
      fresh.push_back(text_of(answer.addresses.at(fresh.size())));
      text += fresh.back();
    }
    for (size_t i = 0; i < fresh.size(); ++i)
      remember(asked[i], std::move(fresh[i]));
    return sink(text);
  }

  // Programs ask for the same addresses again and again.
  void remember(FileOffset address, std::string text) {
    const size_t size = text.size();
    if (answered_.find(address.value) == nullptr)
      answered_.put(address.value, std::move(text), size);
  }

  symbolizer::SymbolizedFile ask(std::span<const FileOffset> offsets) {
    const auto begun = std::chrono::steady_clock::now();
    const auto once = [&] {
      return client_.symbolize(kFileId, file_.get(), offsets, NamesFile::kElfByAddress,
                               debug_.descriptors());
    };
    auto answer = once();
    if (answer.index_refused && debug_.index && cache_) {
      cache_->drop(debug_.index_key);
      find_debug();
      answer = once();
    }
    looked_up_ += std::chrono::steady_clock::now() - begun;
    split_files_ = split_files_ || answer.split_files;
    return answer;
  }

  const SymbolizeOptions& options_;
  std::string what_;
  symbolizer::WorkerClient client_;
  Fd file_;
  symbolizer::SymbolizedFile identity_;
  std::optional<IndexCache> cache_;
  DescribedFile described_;
  std::unique_ptr<Debuginfod> servers_; // nullptr: none
  std::optional<DebugSearch> search_;
  FoundDebug debug_;
  bool split_files_ = false; // of which no index is made
  std::chrono::duration<double> looked_up_{0};
  LruCache<uint64_t, std::string> answered_{kAnsweredBytes}; // texts by address
};

} // namespace

LineSource lines_of(int fd) {
  struct State {
    std::string rest; // behind the last end of a line
    bool at_end = false;
  };
  const auto state = std::make_shared<State>();
  return [fd, state]() -> Result<std::vector<std::string>> {
    std::string* const rest = &state->rest;
    std::vector<std::string> lines;
    std::array<char, size_t{64} << 10> block;
    while (!state->at_end && (lines.empty() || (lines.size() < kEnoughLines && has_more(fd)))) {
      const ssize_t size = ::read(fd, block.data(), block.size());
      if (size < 0 && errno == EINTR)
        continue;
      if (size < 0)
        return fail_errno("read addresses", errno);
      if (size == 0) {
        state->at_end = true;
        if (!rest->empty())
          lines.push_back(std::exchange(*rest, {}));
        break;
      }
      rest->append(block.data(), static_cast<size_t>(size));
      size_t start = 0;
      for (size_t end = 0; (end = rest->find('\n', start)) != std::string::npos; start = end + 1)
        lines.push_back(rest->substr(start, end - start));
      rest->erase(0, start);
    }
    return lines;
  };
}

Result<void> symbolize(const SymbolizeOptions& options, const LineSource& lines,
                       const TextSink& sink, const std::function<void(const Error&)>& warn) {
  Symbolization symbolization(options);
  if (auto opened = symbolization.open(options.file); !opened)
    return opened;
  for (const Error& trouble : symbolization.take_troubles())
    warn(trouble);
  if (!options.addresses.empty()) {
    auto done = symbolization.answer(options.addresses, sink);
    if (done)
      symbolization.finish();
    return done;
  }
  for (;;) {
    const auto more = lines();
    if (!more)
      return std::unexpected(more.error());
    if (more->empty()) {
      symbolization.finish();
      return {};
    }
    std::vector<ElfAddress> addresses;
    for (const std::string& line : *more) {
      const auto address = parse_address(line);
      if (!address)
        return std::unexpected(address.error());
      addresses.push_back(*address);
    }
    if (auto done = symbolization.answer(addresses, sink); !done)
      return done;
  }
}

} // namespace pprofd
