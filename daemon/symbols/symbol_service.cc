#include "daemon/symbols/symbol_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pprofd {

namespace {

// Each request has the worker's whole deadline; lines may take milliseconds an address.
constexpr size_t kOffsetsPerRequest = 1024;
// Of a file whose debug information is kept in hand, in bytes of scratch file: some 500 files.
constexpr size_t kFoundCost = 8 << 20;

} // namespace

SymbolService::SymbolService(const symbolizer::WorkerOptions& options)
    : client_(options), search_(client_),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SymbolService::~SymbolService() = default;

std::vector<FileOffset> SymbolService::take_new(uint64_t file_id,
                                                std::span<const FileOffset> offsets) {
  std::unordered_set<uint64_t>& asked = asked_[file_id];
  std::vector<FileOffset> fresh;
  for (const FileOffset offset : offsets) {
    if (asked.insert(offset.value).second)
      fresh.push_back(offset);
  }
  return fresh;
}

void SymbolService::request(FileToName file, std::vector<FileOffset> offsets) {
  std::ranges::sort(offsets); // neighbours are looked up in the same tables
  const std::scoped_lock lock(mutex_);
  queue_.push_back({std::move(file), std::move(offsets)});
  changed_.notify_all();
}

void SymbolService::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
    Request request = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    // The worker's answer for many addresses takes a while; a stop is heeded between parts.
    size_t at = 0;
    const bool names = request.file.form == symbolizer::NamesFile::kElf && !request.offsets.empty();
    const auto debug = names ? debug_of(request.file) : symbolizer::DebugDescriptors();
    do {
      const size_t count = std::min(kOffsetsPerRequest, request.offsets.size() - at);
      Request part{{.id = request.file.id,
                    .fd = {},
                    .expected_build_id = request.file.expected_build_id,
                    .form = request.file.form,
                    .described = {}},
                   {request.offsets.begin() + static_cast<std::ptrdiff_t>(at),
                    request.offsets.begin() + static_cast<std::ptrdiff_t>(at + count)}};
      auto answer = ask(request.file, part.offsets, debug);
      const std::scoped_lock storing(mutex_);
      if (!abandoned_)
        store(part, std::move(answer));
      at += count;
    } while (at < request.offsets.size() && !stop.stop_requested());
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

// Debug information that is too much for the worker costs lines, not names.
symbolizer::SymbolizedFile SymbolService::ask(const FileToName& file,
                                              std::span<const FileOffset> offsets,
                                              const symbolizer::DebugDescriptors& debug) {
  auto answer = client_.symbolize(file.id, file.fd.get(), offsets, file.form, debug);
  if (answer.answered || !debug.lines)
    return answer;
  auto names = client_.symbolize(file.id, file.fd.get(), offsets, file.form);
  names.failure = std::move(answer.failure);
  return names;
}

symbolizer::DebugDescriptors SymbolService::debug_of(const FileToName& file) {
  if (const FoundDebug* known = found_.find(file.id); known != nullptr)
    return known->descriptors();
  FoundDebug found = search_.find(file.id, file.fd.get(), file.described);
  const size_t cost = kFoundCost + found.scratch_size;
  return found_.put(file.id, std::move(found), cost).descriptors();
}

void SymbolService::store(const Request& request, symbolizer::SymbolizedFile answer) {
  FileNames& names = files_[request.file.id];
  if (!answer.failure.empty())
    names.failure = std::move(answer.failure);
  const std::string& expected = request.file.expected_build_id;
  const bool unread = answer.build_id.empty() && !answer.failure.empty();
  if (!expected.empty() && !unread && answer.build_id != expected) {
    names.build_id = expected;
    names.failure = "the file found has build id '" + answer.build_id + "', the one that ran '" +
                    expected + "'";
    rejected_.emplace_back(request.file.id, names.failure);
    return;
  }
  names.build_id = answer.build_id.empty() ? expected : answer.build_id;
  for (size_t at = 0; at < answer.addresses.size() && at < request.offsets.size(); ++at) {
    symbolizer::SymbolizedAddress& from = answer.addresses[at];
    NamedAddress& to = names.addresses[request.offsets[at].value];
    if (!to.frames.empty())
      continue; // a perf map that grew was asked again
    const bool stands_for_function = from.frames.empty() && from.function_start.value != 0;
    to.address = stands_for_function ? from.function_start : from.address;
    for (symbolizer::SourceFrame& frame : from.frames) {
      // Functions inlined into each other share the physical one's start; static ones of several
      // files share a name.
      std::string key =
          fmt::format("{} {}\n{}\n{}\n{}", from.function_start.value, frame.start_line,
                      frame.system_name, frame.function, frame.file);
      const auto [position, is_new] = function_ids_.try_emplace(
          {request.file.id, std::move(key)}, static_cast<uint32_t>(names.functions.size()));
      if (is_new)
        names.functions.push_back({from.function_start, std::move(frame.function),
                                   std::move(frame.system_name), std::move(frame.file),
                                   frame.start_line});
      to.frames.push_back({position->second, frame.line, frame.column});
    }
  }
}

void SymbolService::give_up(uint64_t file_id, std::span<const FileOffset> offsets,
                            std::string why) {
  for (const FileOffset offset : offsets)
    asked_[file_id].erase(offset.value);
  const std::scoped_lock lock(mutex_);
  files_[file_id].failure = std::move(why);
}

std::vector<std::pair<uint64_t, std::string>> SymbolService::take_rejected() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(rejected_, {});
}

bool SymbolService::finish(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  const bool done = changed_.wait_for(lock, at_most, [this] { return queue_.empty() && !busy_; });
  if (!done) {
    queue_.clear();
    abandoned_ = true;
    client_.abandon();
  }
  return done;
}

const FileNames& SymbolService::names(uint64_t file_id) const {
  static const FileNames kNothing;
  const std::scoped_lock lock(mutex_);
  const auto found = files_.find(file_id);
  return found == files_.end() ? kNothing : found->second;
}

} // namespace pprofd
