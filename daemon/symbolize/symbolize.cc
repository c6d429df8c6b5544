#include "daemon/symbolize/symbolize.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>

#include "daemon/symbols/debug_search.h"
#include "symbolizer/base/fd.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using symbolizer::NamesFile;
using symbolizer::SymbolizedAddress;

constexpr uint64_t kFileId = 1;
constexpr size_t kAddressesPerCall = 4096; // each call has the worker's whole deadline

std::string_view known(const std::string& text) {
  return text.empty() ? std::string_view("??") : std::string_view(text);
}

void append(const SymbolizedAddress& address, std::string& text) {
  for (const auto& frame : address.frames)
    text += fmt::format("{}\n{}:{}:{}\n", known(frame.function), known(frame.file), frame.line,
                        frame.column);
  text += address.frames.empty() ? "??\n??:0:0\n\n" : "\n";
}

// One file, and whoever knows its names.
class Symbolization {
public:
  explicit Symbolization(const SymbolizeOptions& options)
      : what_("symbolize " + options.file), client_(worker_options(options)) {}

  Result<void> open(const std::string& path) {
    file_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct ::stat info{};
    if (!file_ || ::fstat(file_.get(), &info) != 0)
      return fail_errno(what_, errno);
    if (!S_ISREG(info.st_mode))
      return fail(what_, "not a regular file");
    const auto identity = client_.symbolize(kFileId, file_.get(), {});
    if (!identity.failure.empty())
      return fail(what_, identity.failure);
    std::error_code error;
    const auto whole = std::filesystem::canonical(path, error);
    debug_ = DebugSearch(client_).find(kFileId, file_.get(),
                                       {.pid = 0,
                                        .uid = info.st_uid,
                                        .path = error ? path : whole.string(),
                                        .owned_by_root = false});
    return {};
  }

  // In the order asked.
  Result<void> answer(std::span<const ElfAddress> addresses, const SymbolizedSink& sink) {
    while (!addresses.empty()) {
      const auto piece = addresses.first(std::min(addresses.size(), kAddressesPerCall));
      addresses = addresses.subspan(piece.size());
      if (auto done = answer_piece(piece, sink); !done)
        return done;
    }
    return {};
  }

private:
  static symbolizer::WorkerOptions worker_options(const SymbolizeOptions& options) {
    symbolizer::WorkerOptions worker;
    worker.demangle = options.demangle;
    worker.deadline = 60s; // nobody else waits for it
    return worker;
  }

  Result<void> answer_piece(std::span<const ElfAddress> addresses, const SymbolizedSink& sink) {
    // Neighbours are looked up in the same tables.
    std::vector<size_t> order(addresses.size());
    for (size_t at = 0; at < order.size(); ++at)
      order[at] = at;
    std::ranges::sort(order, {}, [&](size_t at) { return addresses[at]; });
    std::vector<FileOffset> asked;
    asked.reserve(order.size());
    for (const size_t at : order)
      asked.push_back({addresses[at].value});
    const auto answer = client_.symbolize(kFileId, file_.get(), asked, NamesFile::kElfByAddress,
                                          debug_.descriptors());
    if (!answer.answered)
      return fail(what_, answer.failure);
    std::vector<const SymbolizedAddress*> in_place(addresses.size());
    for (size_t i = 0; i < order.size(); ++i)
      in_place[order[i]] = &answer.addresses.at(i);
    std::string text;
    for (const SymbolizedAddress* each : in_place)
      append(*each, text);
    return sink(text);
  }

  std::string what_;
  symbolizer::WorkerClient client_;
  Fd file_;
  FoundDebug debug_;
};

} // namespace

Result<ElfAddress> parse_address(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X"))
    digits.remove_prefix(2);
  ElfAddress address;
  const char* const end = std::to_address(digits.end());
  const auto parsed = std::from_chars(std::to_address(digits.begin()), end, address.value, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end)
    return fail("address '" + std::string(text) + "'", "not a hexadecimal number of 64 bits",
                "give virtual addresses of the file, such as 0x4011d6");
  return address;
}

LineSource lines_of(int fd) {
  const auto rest = std::make_shared<std::string>(); // behind the last end of a line
  return [fd, rest]() -> Result<std::vector<std::string>> {
    std::vector<std::string> lines;
    std::array<char, size_t{64} << 10> block;
    while (lines.empty()) {
      const ssize_t size = ::read(fd, block.data(), block.size());
      if (size < 0 && errno == EINTR)
        continue;
      if (size < 0)
        return fail_errno("read addresses", errno);
      if (size == 0) {
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
                       const SymbolizedSink& sink) {
  Symbolization symbolization(options);
  if (auto opened = symbolization.open(options.file); !opened)
    return opened;
  if (!options.addresses.empty())
    return symbolization.answer(options.addresses, sink);
  for (;;) {
    const auto more = lines();
    if (!more)
      return std::unexpected(more.error());
    if (more->empty())
      return {};
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
