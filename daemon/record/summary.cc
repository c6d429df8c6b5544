#include "daemon/record/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/profile/text.h"

namespace pprofd {

namespace {

std::string percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f}%", 100.0 * double(part) / double(whole));
}

// "12 ring_full, 3 table_full"
std::string reasons_text(const CollectorTotals& totals) {
  std::string text;
  for (const auto& [reason, count] : totals.dropped_by_reason())
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, reason);
  return text;
}

std::string stacks_text(const SampleAccounting& samples) {
  std::string text =
      fmt::format("stacks    {} complete", percent(samples.complete(), samples.written()));
  for (size_t at = 0; at < samples.stack_ends.size(); ++at) {
    const auto end = static_cast<pprofd_stack_end>(at);
    if (!is_complete(end) && samples.stack_ends.at(at) != 0)
      text += fmt::format(", {} {}", percent(samples.stack_ends.at(at), samples.written()),
                          stack_end_name(end));
  }
  if (samples.heuristic != 0)
    text += fmt::format("; {} by frame pointers", percent(samples.heuristic, samples.written()));
  return text + "\n";
}

std::string samples_text(const Recording& recording) {
  const CollectorTotals& totals = recording.window().totals;
  const auto processes = std::ranges::count_if(recording.window().processes, [](const auto& each) {
    return each->aggregate.accounting().written() != 0;
  });
  std::string text = fmt::format("samples   {} taken, {} written, {} dropped", totals.taken(),
                                 totals.samples.written(), totals.dropped());
  if (totals.dropped() != 0)
    text += " (" + reasons_text(totals) + ")";
  text += fmt::format("; {} process{}\n", processes, processes == 1 ? "" : "es");
  if (totals.lost_process_events != 0)
    text += fmt::format("          {} process events lost, made good from /proc\n",
                        totals.lost_process_events);
  return text;
}

// ", 1.2% no_symbols (3 files), 0.4% no_file", the most frequent first.
std::string reasons_text(const MissingNames::Reasons& reasons, uint64_t frames) {
  std::vector<std::pair<std::string_view, const MissingNames::Reason*>> sorted;
  for (const auto& [name, reason] : reasons)
    sorted.emplace_back(name, &reason);
  std::ranges::sort(sorted, {}, [](const auto& each) {
    return std::pair(UINT64_MAX - each.second->frames, each.first);
  });
  std::string text;
  for (const auto& [name, reason] : sorted) {
    text += fmt::format(", {} {}", percent(reason->frames, frames), name);
    if (const size_t files = reason->files.size(); files != 0)
      text += fmt::format(" ({} file{})", files, files == 1 ? "" : "s");
  }
  return text;
}

std::string names_text(const MissingNames& missing) {
  if (missing.frames == 0)
    return {};
  std::string text = fmt::format("names     {} of frames{}\n",
                                 percent(missing.frames - missing.nameless(), missing.frames),
                                 reasons_text(missing.names, missing.frames));
  if (missing.frames_of_files == 0)
    return text;
  uint64_t without = 0;
  for (const auto& [name, reason] : missing.lines)
    without += reason.frames;
  return text + fmt::format("lines     {} of those in files{}\n",
                            percent(missing.frames_of_files - without, missing.frames_of_files),
                            reasons_text(missing.lines, missing.frames_of_files));
}

std::string files_text(const OutputSummary& files) {
  if (files.files.empty())
    return {};
  const std::string& first = files.files.front();
  std::string text = files.index.empty() ? "" : fmt::format("index     {}\n", files.index);
  if (files.files.size() == 1)
    text += "profile   " + first + "\n";
  else
    text += fmt::format("profiles  {} files, such as {}\n", files.files.size(), first);
  if (files.older_files != 0)
    text += fmt::format("          beside {} of earlier recordings\n", files.older_files);
  if (first.ends_with(".pb.gz"))
    text += fmt::format("open      go tool pprof -http=: {0}   or: pprofd report {0}\n", first);
  return text;
}

} // namespace

void print_summary(const Recording& recording, const perftools::profiles::Profile& everything,
                   const MissingNames& missing, const OutputSummary& files, size_t top) {
  std::ostringstream text;
  if (everything.sample_size() != 0) {
    TextOptions options;
    options.value_index = everything.sample_type_size() - 1;
    options.top = top;
    write_text(everything, options, text);
    text << '\n';
  }
  text << samples_text(recording) << stacks_text(recording.window().totals.samples)
       << names_text(missing) << files_text(files);
  std::cerr << text.str();
}

} // namespace pprofd
