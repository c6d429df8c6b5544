#include "daemon/symbols/name_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/symbols/index_making.h"

namespace pprofd {

namespace {

using symbolizer::NamesFault;

// Of a file whose debug information is kept in hand, in bytes of scratch file: some 500 files.
constexpr size_t kFoundCost = 8 << 20;
// Of less debug information no index is made: it is read as quickly.
constexpr uint64_t kLeastDescribed = 1 << 20;

} // namespace

// Debug information that is too much for the worker costs lines, not names.
symbolizer::SymbolizedFile NameSource::ask(const FileToName& file,
                                           std::span<const FileOffset> offsets,
                                           std::span<const uint64_t> times) {
  if (file.form == symbolizer::NamesFile::kJitDump)
    return client_->symbolize_jit_dump(file.id, file.fd.get(), offsets, times);
  const bool lines = file.form != symbolizer::NamesFile::kPerfMap && !offsets.empty();
  if (!lines)
    return client_->symbolize(file.id, file.fd.get(), offsets, file.form);
  auto answer = ask_with(known(file), file, offsets);
  if (answer.answered)
    return answer;
  auto names = client_->symbolize(file.id, file.fd.get(), offsets, file.form);
  names.failure = answer.failure;
  names.lines_fault = answer.lines_fault;
  return names;
}

symbolizer::SymbolizedFile NameSource::ask_with(Known& known, const FileToName& file,
                                                std::span<const FileOffset> offsets) {
  adopt_index(known);
  const auto begun = std::chrono::steady_clock::now();
  const auto once = [&] {
    return client_->symbolize(file.id, file.fd.get(), offsets, file.form,
                              known.debug.descriptors());
  };
  auto answer = once();
  if (answer.index_refused && known.debug.index) {
    drop_index(known);
    answer = once();
  }
  known.looked_up += std::chrono::steady_clock::now() - begun;
  consider_index(known, file, answer);
  if (answer.lines_fault == NamesFault::kNoDebugInformation && search_.may_come(known.debug))
    answer.lines_fault = NamesFault::kNotFetched;
  return answer;
}

NameSource::Known& NameSource::known(const FileToName& file) {
  if (Known* const known = known_.find(file.id); known != nullptr) {
    if (!search_.has_come(known->debug))
      return *known;
    known_.erase(file.id);
  }
  const auto identity = client_->symbolize(file.id, file.fd.get(), {});
  FoundDebug found = search_.find(identity, file.fd.get(), file.described);
  if (!found.wanted.empty() && awaiting_.size() < kMostAwaiting)
    awaiting_[file.id] = found.wanted;
  const size_t cost = kFoundCost + found.scratch_size();
  return known_.put(file.id, {.debug = std::move(found)}, cost);
}

std::vector<uint64_t> NameSource::renew(const std::vector<std::string>& arrived) {
  std::vector<uint64_t> files;
  std::erase_if(awaiting_, [&](const auto& awaiting) {
    const auto& [file, wanted] = awaiting;
    const bool renewed = std::ranges::find_first_of(wanted, arrived) != wanted.end();
    if (renewed)
      files.push_back(file);
    return renewed;
  });
  for (const uint64_t file : files)
    known_.erase(file);
  return files;
}

// The builder, or another process, may have made it.
void NameSource::adopt_index(Known& known) {
  if (!known.index_asked || known.debug.index)
    return;
  known.debug.index = cache_->find(known.debug.index_key);
  if (known.debug.index)
    known.debug.scratch.reset();
}

// It is damaged or none: another is made when that pays.
void NameSource::drop_index(Known& known) {
  cache_->drop(known.debug.index_key);
  known.debug.index.reset();
  known.debug.scratch = make_scratch(known.debug.inflated);
  known.index_asked = false;
}

// What an index says is without the reasons why something is missing: it is made of what is whole.
void NameSource::consider_index(Known& known, const FileToName& file,
                                const symbolizer::SymbolizedFile& answer) {
  const FoundDebug& debug = known.debug;
  const bool whole = answer.answered && answer.failure.empty() &&
                     answer.names_fault == NamesFault::kNone &&
                     answer.lines_fault == NamesFault::kNone;
  if (builder_ == nullptr || known.index_asked || debug.index || debug.index_key.empty() ||
      !whole || answer.split_files || debug.described_size < kLeastDescribed ||
      !index_pays(known.looked_up, debug.described_size))
    return;
  known.index_asked = true;
  if (auto job = index_job(file.id, file.fd.get(), debug))
    builder_->add(std::move(*job));
}

} // namespace pprofd
