#include "daemon/inspect/inspect.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <utility>

#include "daemon/inspect/findings_text.h"
#include "daemon/inspect/lines.h"
#include "daemon/symbols/debug_search.h"
#include "symbolizer/base/regular_file.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using symbolizer::RowOptions;
using symbolizer::WorkerClient;

constexpr uint64_t kFileId = 1;
// The tables' rows, where each gap is shown.
constexpr RowOptions kShownRows{.merge_pairs = true, .padding = 0, .beyond_cfi = true};

std::string name_of(const InspectOptions& options) {
  return "inspect " + options.file;
}

template <typename Function> std::chrono::nanoseconds time_of(const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  return std::chrono::steady_clock::now() - start;
}

// One inspection of one file.
class Inspection {
public:
  Inspection(const InspectOptions& options, int fd, WorkerClient& worker, const TextSink& sink)
      : options_(options), fd_(fd), worker_(worker), sink_(sink) {}

  Result<void> print_report(uint64_t size) {
    Findings findings;
    findings.file = options_.file;
    findings.size = size;
    findings.symbols_time = time_of([&] { findings.symbols = worker_.list_symbols(kFileId, fd_); });
    if (!findings.symbols.failure.empty())
      return failed(findings.symbols.failure);
    findings.lines_time = time_of([&] { findings.lines = find_lines(); });
    findings.rows_time = time_of([&] {
      findings.rows =
          worker_.compile_rows(kFileId, fd_, symbolizer::kTableRows, [](const auto&) {});
    });
    return sink_(findings_text(findings));
  }

  Result<void> print_rows() {
    LineBuffer buffer(sink_);
    RowLines lines(buffer);
    const auto facts = worker_.compile_rows(kFileId, fd_, kShownRows, [&](const auto& batch) {
      if (!lines.add(batch))
        worker_.abandon();
    });
    return finish(buffer, facts.failure);
  }

  Result<void> print_symbols() {
    const symbolizer::SymbolFacts facts = worker_.list_symbols(kFileId, fd_);
    if (!facts.failure.empty())
      return failed(facts.failure);
    LineBuffer buffer(sink_);
    SymbolLines lines(buffer, facts.sources);
    const auto listed = worker_.list_symbols(kFileId, fd_, [&](const auto& symbol) {
      if (!lines.add(symbol))
        worker_.abandon();
    });
    return finish(buffer, listed.failure);
  }

private:
  // Debug information is opened when an address is asked for.
  [[nodiscard]] LineFindings find_lines() {
    const auto known = worker_.symbolize(kFileId, fd_, {});
    DebugSearch search(worker_);
    const FoundDebug debug = search.find(
        known, fd_,
        {.pid = 0, .uid = ::getuid(), .path = absolute(options_.file), .owned_by_root = false});
    const std::array asked = {FileOffset{0}};
    auto answer = worker_.symbolize(kFileId, fd_, asked, symbolizer::NamesFile::kElfByAddress,
                                    debug.descriptors());
    return {.file = debug.path, .fault = answer.lines_fault, .failure = std::move(answer.failure)};
  }

  static std::string absolute(const std::string& file) {
    std::error_code error;
    const auto whole = std::filesystem::canonical(file, error);
    return error ? file : whole.string();
  }

  [[nodiscard]] std::unexpected<Error> failed(std::string why) const {
    return fail(name_of(options_), std::move(why));
  }

  // The sink's failure is the reason of the worker's.
  [[nodiscard]] Result<void> finish(LineBuffer& buffer, const std::string& failure) const {
    if (auto written = buffer.finish(); !written)
      return written;
    return failure.empty() ? Result<void>() : failed(failure);
  }

  const InspectOptions& options_;
  int fd_;
  WorkerClient& worker_;
  const TextSink& sink_;
};

} // namespace

symbolizer::WorkerOptions inspection_worker() {
  symbolizer::WorkerOptions options;
  options.deadline = 60s;
  return options;
}

Result<void> inspect(const InspectOptions& options, WorkerClient& worker, const TextSink& sink) {
  const auto file = open_regular_file(options.file, name_of(options));
  if (!file)
    return std::unexpected(file.error());
  if (std::string why = worker.start(); !why.empty())
    return fail(name_of(options), std::move(why));
  Inspection inspection(options, file->fd.get(), worker, sink);
  if (!options.rows && !options.symbols)
    return inspection.print_report(file->size);
  if (options.rows)
    if (auto done = inspection.print_rows(); !done)
      return done;
  if (options.rows && options.symbols)
    if (auto done = sink("\n"); !done)
      return done;
  return options.symbols ? inspection.print_symbols() : Result<void>();
}

} // namespace pprofd
