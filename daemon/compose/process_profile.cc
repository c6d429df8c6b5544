#include "daemon/compose/process_profile.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/kernel/vdso.h"
#include "daemon/symbols/profile_lines.h"

namespace pprofd {

namespace {

using symbolizer::NamesFault;

constexpr std::string_view kKernelMapping = "[kernel.kallsyms]";

std::string kernel_mapping_name(const std::string& module) {
  return module.empty() ? std::string(kKernelMapping) + "_stext" : "[" + module + "]";
}

// pprof takes types as metric names: no dashes.
std::string value_type(const SamplingEvent& event) {
  if (event.is_clock())
    return "cpu";
  std::string name(event.name);
  std::ranges::replace(name, '-', '_');
  return name;
}

ProfileHeader header_of(const RecordingInfo& info) {
  const std::string type = value_type(info.event);
  const std::string unit(info.event.unit);
  return {.sample_types = {{"samples", "count"}, {type, unit}},
          .period_type = {type, unit},
          .period = info.event.is_clock() ? 1'000'000'000 / int64_t{info.frequency} : 1,
          .time_nanos = info.time_nanos,
          .duration_nanos = info.duration_nanos,
          .default_sample_type = type,
          .doc_url = "",
          .symbolized = info.symbolized};
}

KeyValues comments_of(const RecordingInfo& info) {
  KeyValues comments{{"pprofd.version", PPROFD_VERSION},
                     {"host", info.host},
                     {"kernel", info.kernel},
                     {"frequency", std::to_string(info.frequency)}};
  std::ranges::copy(info.comments, std::back_inserter(comments));
  return comments;
}

KeyValues accounting_of(const RecordingInfo& info, const SampleAccounting& accounting,
                        const MissingNames& missing) {
  KeyValues all;
  const auto add = [&all](std::string key, uint64_t value) {
    all.emplace_back(std::move(key), std::to_string(value));
  };
  add("samples.taken", accounting.taken());
  add("samples.written", accounting.written());
  for (size_t at = 0; at < accounting.drops.size(); ++at) {
    if (accounting.drops.at(at) != 0)
      add("samples.dropped." + std::string(drop_reason_name(static_cast<DropReason>(at))),
          accounting.drops.at(at));
  }
  add("stacks.complete", accounting.complete());
  for (size_t at = 0; at < accounting.stack_ends.size(); ++at) {
    const auto end = static_cast<pprofd_stack_end>(at);
    if (!is_complete(end) && accounting.stack_ends.at(at) != 0)
      add("stacks.incomplete." + std::string(stack_end_name(end)), accounting.stack_ends.at(at));
  }
  add("stacks.heuristic", accounting.heuristic);
  add("frames.unsymbolized", missing.nameless());
  for (const auto& [reason, found] : missing.names)
    add("symbols.missing." + reason, found.frames);
  if (info.unattributed_drops != 0)
    add("host.samples.dropped.unattributed", info.unattributed_drops);
  return all;
}

class Composer {
public:
  Composer(const RecordingInfo& info, const CollectedProcess& collected, const Collector& collector,
           const KernelNames& kernel)
      : info_(info), collected_(collected), collector_(collector), symbols_(collector.symbols()),
        kernel_(kernel), builder_(header_of(info)) {}

  ComposedProfile compose() && {
    add_main_executable();
    const std::span<const TraceFrame> frames = collected_.aggregate.frames();
    locations_.reserve(frames.size());
    kinds_.reserve(frames.size());
    for (const TraceFrame& frame : frames)
      add_frame(frame);
    add_rows();
    if (!info_.merged)
      add_comments();
    return {std::move(builder_).finish(), std::move(missing_)};
  }

private:
  // What of a frame is missing and why; empty: nothing is.
  struct FrameKind {
    // NOLINTBEGIN(readability-redundant-member-init): GCC warns of members left out
    std::string_view no_name = {};
    std::string_view no_line = {};
    std::string file = {}; // that the reason is of; empty: none
    // NOLINTEND(readability-redundant-member-init)
    bool named_by_file = false;
    CodeKind code = CodeKind::kNative;
  };

  // pprof takes the first mapping for the program.
  void add_main_executable() {
    if (collected_.program)
      mapping_id(*collected_.program);
    else if (!collected_.process->exe->empty())
      builder_.add_mapping({.file = *collected_.process->exe, .build_id = {}});
  }

  uint64_t mapping_id(const Mapping& mapping) {
    std::string build_id;
    if (mapping.executable)
      build_id = collector_.build_id(*mapping.executable);
    else if (mapping.kind == MappingKind::vdso)
      build_id = symbols_.names(kVdsoFileId).build_id;
    return builder_.add_mapping({.start = mapping.start.value,
                                 .limit = mapping.end.value,
                                 .offset = mapping.offset.value,
                                 .file = *mapping.name,
                                 .build_id = build_id});
  }

  void add_frame(const TraceFrame& frame) {
    if (frame.mapping == TraceFrame::kKernel)
      return add_kernel_frame(frame.address);
    if (frame.mapping == TraceFrame::kSomeKernel)
      return add_location(0, 0, line("[kernel]"), {.code = CodeKind::kKernel});
    if (frame.mapping == TraceFrame::kSomeUser)
      return add_location(0, 0, line("[user]"), {});
    const auto mapping = collected_.mappings.find(frame.mapping);
    if (mapping == collected_.mappings.end())
      return add_location(0, frame.address, unnamed("[unknown]", frame.address),
                          {.no_name = "no_mapping"});
    add_mapped_frame(frame.address, mapping->second);
  }

  void add_kernel_frame(uint64_t address) {
    const KernelSymbol* symbol = kernel_.find(address);
    const std::string module = symbol == nullptr ? std::string() : symbol->module;
    const KernelNames::Span span = kernel_.span_of(module);
    const uint64_t mapping = builder_.add_mapping({.start = span.start,
                                                   .limit = span.limit,
                                                   .file = kernel_mapping_name(module),
                                                   .build_id = {},
                                                   .kernel = true});
    if (symbol == nullptr)
      return add_location(mapping, address, unnamed(kKernelMapping, address),
                          {.no_name = kernel_.failure().empty() ? "no_symbol" : "hidden_by_kernel",
                           .code = CodeKind::kKernel});
    add_location(mapping, address, line(symbol->name), {.code = CodeKind::kKernel});
  }

  void add_mapped_frame(uint64_t address, const Mapping& mapping) {
    const uint64_t id = mapping_id(mapping);
    if (mapping.kind != MappingKind::file && mapping.kind != MappingKind::vdso) {
      const bool anonymous = mapping.kind == MappingKind::anonymous;
      if (anonymous && add_jit_frame(address, id))
        return;
      const std::string_view name = anonymous ? std::string_view("[anon]") : *mapping.name;
      return add_location(
          id, address, unnamed(name, address),
          {.no_name = "no_file", .code = anonymous ? CodeKind::kJit : CodeKind::kNative});
    }
    const FileNames& file =
        symbols_.names(mapping.executable ? mapping.executable->id.value : kVdsoFileId);
    const FileOffset offset = mapping.file_offset({address});
    const auto found = file.addresses.find(offset.value);
    const bool answered = found != file.addresses.end();
    const std::string name = *mapping.name + ' ' + file.build_id;
    if (!answered || found->second.frames.empty())
      return add_location(
          id, address,
          unnamed(*mapping.name, answered ? found->second.address.value : offset.value),
          {.no_name = why_nameless(file, answered), .file = name});
    const bool has_line = found->second.frames.front().line != 0;
    add_location(id, address, lines_of(file, found->second, builder_),
                 {.no_line = has_line ? std::string_view() : why_no_line(file),
                  .file = has_line ? std::string() : name,
                  .named_by_file = true});
  }

  // Code that a JIT compiler has told of; false: it has not.
  bool add_jit_frame(uint64_t address, uint64_t mapping) {
    const FileNames& file = symbols_.names(PerfMaps::file_id(*collected_.process));
    const auto found = file.addresses.find(address);
    if (found == file.addresses.end() || found->second.frames.empty())
      return false;
    add_location(mapping, address, lines_of(file, found->second, builder_),
                 {.code = CodeKind::kJit});
    return true;
  }

  // A file that has symbols may have none at an address.
  static std::string_view why_nameless(const FileNames& file, bool answered) {
    if (file.names_fault != NamesFault::kNone)
      return name_of(file.names_fault);
    return answered ? "no_symbol" : name_of(NamesFault::kNoAnswer);
  }

  static std::string_view why_no_line(const FileNames& file) {
    return file.lines_fault == NamesFault::kNone ? "no_line" : name_of(file.lines_fault);
  }

  std::vector<LineInfo> unnamed(std::string_view file, uint64_t address) {
    return line(unsymbolized_name(file, address));
  }

  std::vector<LineInfo> line(const std::string& function) {
    if (!info_.symbolized)
      return {};
    return {{.function =
                 builder_.add_function({.name = function, .system_name = function, .file = {}})}};
  }

  void add_location(uint64_t mapping, uint64_t address, const std::vector<LineInfo>& lines,
                    FrameKind kind) {
    locations_.push_back(builder_.add_location(mapping, address, lines));
    if (!info_.symbolized)
      kind = {.no_name = "raw", .code = kind.code};
    kinds_.push_back(std::move(kind));
  }

  void count(const FrameKind& kind, uint64_t samples) {
    missing_.frames += samples;
    const auto code = static_cast<size_t>(kind.code);
    missing_.kinds.all.at(code) += samples;
    missing_.kinds.named.at(code) += kind.no_name.empty() ? samples : 0;
    missing_.frames_of_files += kind.named_by_file ? samples : 0;
    for (const auto& [why, reasons] :
         {std::pair(kind.no_name, &missing_.names), std::pair(kind.no_line, &missing_.lines)}) {
      if (why.empty())
        continue;
      MissingNames::Reason& reason = (*reasons)[std::string(why)];
      reason.frames += samples;
      if (!kind.file.empty())
        reason.files.insert(kind.file);
    }
  }

  void add_rows() {
    std::vector<uint64_t> locations;
    for (const Aggregate::Row& row : collected_.aggregate.rows()) {
      locations.clear();
      for (const FrameId frame : collected_.aggregate.trace(row.trace)) {
        locations.push_back(locations_[frame]);
        count(kinds_[frame], row.samples);
      }
      const Aggregate::Thread& thread = collected_.aggregate.thread(row.thread);
      std::vector<Label> labels{{.key = "tid", .text = {}, .number = thread.tid, .unit = "tid"},
                                {.key = "thread", .text = thread.name, .unit = {}}};
      if (info_.merged) {
        labels.push_back(
            {.key = "pid", .text = {}, .number = collected_.process->pid, .unit = "pid"});
        labels.push_back({.key = "comm", .text = collected_.process->comm, .unit = {}});
      }
      const std::array<int64_t, 2> values{static_cast<int64_t>(row.samples),
                                          static_cast<int64_t>(row.value)};
      builder_.add_sample(locations, values, labels);
    }
  }

  void add_comments() {
    const Process& process = *collected_.process;
    KeyValues comments = comments_of(info_);
    const auto add = [&comments](std::string key, std::string value) {
      comments.emplace_back(std::move(key), std::move(value));
    };
    add("pid", std::to_string(process.pid));
    add("start_time", std::to_string(process.start_ticks()));
    add("comm", process.comm);
    add("exe", collected_.executable_path());
    if (process.executable)
      add("build_id", collector_.build_id(*process.executable));
    add("cgroup", std::string(process.cgroups->main()));
    add("unit", unit_of(*process.cgroups));
    add("container.id", container_of(*process.cgroups));
    add("k8s.pod.uid", pod_of(*process.cgroups));
    std::ranges::move(accounting_of(info_, collected_.aggregate.accounting(), missing_),
                      std::back_inserter(comments));
    for (const auto& [key, value] : comments) {
      if (!value.empty())
        builder_.add_comment(key, value);
    }
  }

  const RecordingInfo& info_;
  const CollectedProcess& collected_;
  const Collector& collector_;
  const SymbolService& symbols_;
  const KernelNames& kernel_;
  ProfileBuilder builder_;
  std::vector<uint64_t> locations_; // by FrameId
  std::vector<FrameKind> kinds_;    // by FrameId
  MissingNames missing_;
};

} // namespace

RecordingInfo describe_machine() {
  utsname name{};
  uname(&name);
  return {.event = {}, .host = name.nodename, .kernel = name.release, .comments = {}};
}

void add_kernel_names(KernelNames& kernel, const CollectedWindow& window) {
  std::vector<ProcessAddress> addresses;
  for (const auto& process : window.processes)
    for (const TraceFrame& frame : process->aggregate.frames())
      if (frame.mapping == TraceFrame::kKernel)
        addresses.push_back({frame.address});
  kernel.add(addresses, window.end);
}

ComposedProfile compose_profile(const RecordingInfo& info, const CollectedProcess& process,
                                const Collector& collector, const KernelNames& kernel) {
  const auto held = collector.symbols().hold();
  return Composer(info, process, collector, kernel).compose();
}

Result<perftools::profiles::Profile> compose_merged(const RecordingInfo& info,
                                                    const std::vector<ComposedProfile>& profiles,
                                                    const SampleAccounting& accounting) {
  std::vector<const perftools::profiles::Profile*> parts;
  MissingNames missing;
  for (const ComposedProfile& part : profiles) {
    parts.push_back(&part.profile);
    missing += part.missing;
  }
  auto merged = parts.empty()
                    ? Result<perftools::profiles::Profile>(ProfileBuilder(header_of(info)).finish())
                    : merge(parts);
  if (!merged)
    return merged;
  // They all cover the same time.
  merged->set_duration_nanos(info.duration_nanos);
  KeyValues comments = comments_of(info);
  std::ranges::move(accounting_of(info, accounting, missing), std::back_inserter(comments));
  for (const auto& [key, value] : comments) {
    merged->add_comment(merged->string_table_size());
    merged->add_string_table(std::string(key).append("=").append(value));
  }
  return merged;
}

} // namespace pprofd
