#include "daemon/compose/process_profile.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/kernel/vdso.h"

namespace pprofd {

namespace {

constexpr std::string_view kKernelMapping = "[kernel.kallsyms]";
constexpr uint64_t kPage = 4096;

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

using KeyValues = std::vector<std::pair<std::string, std::string>>;

KeyValues comments_of(const RecordingInfo& info) {
  return {{"pprofd.version", PPROFD_VERSION},
          {"host", info.host},
          {"kernel", info.kernel},
          {"frequency", std::to_string(info.frequency)}};
}

KeyValues accounting_of(const RecordingInfo& info, const SampleAccounting& accounting,
                        uint64_t unsymbolized) {
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
  add("frames.unsymbolized", unsymbolized);
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
    named_.reserve(frames.size());
    for (const TraceFrame& frame : frames)
      add_frame(frame);
    add_rows();
    if (!info_.merged)
      add_comments();
    return {std::move(builder_).finish(), unsymbolized_};
  }

private:
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
      return add_location(0, 0, line("[kernel]"), true);
    if (frame.mapping == TraceFrame::kSomeUser)
      return add_location(0, 0, line("[user]"), true);
    const auto mapping = collected_.mappings.find(frame.mapping);
    if (mapping == collected_.mappings.end())
      return add_location(0, frame.address, unnamed("[unknown]", frame.address), false);
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
      return add_location(mapping, address, unnamed(kKernelMapping, address), false);
    add_location(mapping, address, line(symbol->name), true);
  }

  void add_mapped_frame(uint64_t address, const Mapping& mapping) {
    const uint64_t id = mapping_id(mapping);
    if (mapping.kind != MappingKind::file && mapping.kind != MappingKind::vdso) {
      const bool anonymous = mapping.kind == MappingKind::anonymous;
      if (anonymous && add_jit_frame(address, id))
        return;
      const std::string_view name = anonymous ? std::string_view("[anon]") : *mapping.name;
      return add_location(id, address, unnamed(name, address), false);
    }
    const FileNames& file =
        symbols_.names(mapping.executable ? mapping.executable->id.value : kVdsoFileId);
    const FileOffset offset = mapping.file_offset({address});
    const auto found = file.addresses.find(offset.value);
    if (found == file.addresses.end())
      return add_location(id, address, unnamed(*mapping.name, offset.value), false);
    if (found->second.frames.empty())
      return add_location(id, address, unnamed(*mapping.name, found->second.address.value), false);
    add_location(id, address, lines(file, found->second), true);
  }

  // Code that a JIT compiler has told of; false: it has not.
  bool add_jit_frame(uint64_t address, uint64_t mapping) {
    const FileNames& file = symbols_.names(PerfMaps::file_id(*collected_.process));
    const auto found = file.addresses.find(address);
    if (found == file.addresses.end() || found->second.frames.empty())
      return false;
    add_location(mapping, address, lines(file, found->second), true);
    return true;
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

  std::vector<LineInfo> lines(const FileNames& file, const NamedAddress& address) {
    std::vector<LineInfo> all;
    for (const NamedFrame& frame : address.frames) {
      const NamedFunction& function = file.functions.at(frame.function);
      const uint64_t id = builder_.add_function({.name = function.name,
                                                 .system_name = function.system_name,
                                                 .file = function.file,
                                                 .start_line = function.start_line});
      all.push_back({.function = id, .line = frame.line, .column = frame.column});
    }
    return all;
  }

  void add_location(uint64_t mapping, uint64_t address, const std::vector<LineInfo>& lines,
                    bool named) {
    locations_.push_back(builder_.add_location(mapping, address, lines));
    named_.push_back(named && info_.symbolized);
  }

  void add_rows() {
    std::vector<uint64_t> locations;
    for (const Aggregate::Row& row : collected_.aggregate.rows()) {
      locations.clear();
      for (const FrameId frame : collected_.aggregate.trace(row.trace)) {
        locations.push_back(locations_[frame]);
        unsymbolized_ += named_[frame] ? 0 : row.samples;
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
    std::ranges::move(accounting_of(info_, collected_.aggregate.accounting(), unsymbolized_),
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
  std::vector<bool> named_;         // by FrameId
  uint64_t unsymbolized_ = 0;       // frames of samples
};

} // namespace

KernelNames KernelNames::resolve(const Collector& collector) {
  std::vector<ProcessAddress> addresses;
  for (const auto& process : collector.collected()) {
    for (const TraceFrame& frame : process->aggregate.frames()) {
      if (frame.mapping == TraceFrame::kKernel)
        addresses.push_back({frame.address});
    }
  }
  std::ranges::sort(addresses);
  const auto doubles = std::ranges::unique(addresses);
  addresses.erase(doubles.begin(), doubles.end());

  KernelNames names;
  if (addresses.empty())
    return names;
  KernelResolution resolution = resolve_kernel_symbols(addresses);
  names.failure_ = std::move(resolution.failure);
  names.hint_ = std::move(resolution.hint);
  if (resolution.text)
    names.spans_[""] = {resolution.text->start.value, resolution.text->end.value};
  for (size_t at = 0; at < addresses.size(); ++at) {
    const uint64_t address = addresses[at].value;
    std::string module;
    if (auto& symbol = resolution.symbols.at(at)) {
      module = symbol->module;
      names.symbols_.emplace(address, std::move(*symbol));
    }
    const uint64_t page = address & ~(kPage - 1);
    const auto [span, is_new] = names.spans_.try_emplace(module, page, page + kPage);
    span->second.start = std::min(span->second.start, page);
    span->second.limit = std::max(span->second.limit, page + kPage);
  }
  return names;
}

const KernelSymbol* KernelNames::find(uint64_t address) const {
  const auto found = symbols_.find(address);
  return found == symbols_.end() ? nullptr : &found->second;
}

KernelNames::Span KernelNames::span_of(const std::string& module) const {
  return spans_.at(module);
}

ComposedProfile compose_profile(const RecordingInfo& info, const CollectedProcess& process,
                                const Collector& collector, const KernelNames& kernel) {
  return Composer(info, process, collector, kernel).compose();
}

Result<perftools::profiles::Profile> compose_merged(const RecordingInfo& info,
                                                    const std::vector<ComposedProfile>& profiles,
                                                    const SampleAccounting& accounting) {
  std::vector<const perftools::profiles::Profile*> parts;
  uint64_t unsymbolized = 0;
  for (const ComposedProfile& part : profiles) {
    parts.push_back(&part.profile);
    unsymbolized += part.unsymbolized_frames;
  }
  auto merged = merge(parts);
  if (!merged)
    return merged;
  // They all cover the same time.
  merged->set_duration_nanos(info.duration_nanos);
  KeyValues comments = comments_of(info);
  std::ranges::move(accounting_of(info, accounting, unsymbolized), std::back_inserter(comments));
  for (const auto& [key, value] : comments) {
    merged->add_comment(merged->string_table_size());
    merged->add_string_table(std::string(key).append("=").append(value));
  }
  return merged;
}

} // namespace pprofd
