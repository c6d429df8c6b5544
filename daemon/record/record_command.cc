// `pprofd record`: a recording, its profiles, and what is said about them.
#include "daemon/cli/record_command.h"

#include <fmt/format.h>

#include <memory>
#include <numeric>
#include <vector>

#include "daemon/cli/message.h"
#include "daemon/compose/process_profile.h"
#include "daemon/output/recording_output.h"
#include "daemon/record/recording.h"
#include "daemon/record/summary.h"

namespace pprofd {

namespace {

using perftools::profiles::Profile;

constexpr int kOwnFailure = 125; // where any other status is the command's

IndexRow index_row(const Recording& recording, const CollectedProcess& collected) {
  const Process& process = *collected.process;
  std::string build_id;
  if (process.executable)
    build_id = recording.collector().build_id(*process.executable);
  return {.pid = process.pid,
          .start_ticks = process.start_ticks(),
          .comm = process.comm,
          .executable = collected.executable_path(),
          .build_id = build_id,
          .samples = static_cast<int64_t>(collected.aggregate.accounting().written()),
          .file = {}};
}

KeyValues machine_facts(const Recording& recording) {
  const CollectorTotals& totals = recording.window().totals;
  KeyValues facts{{"host", recording.info().host},
                  {"kernel", recording.info().kernel},
                  {"host.samples.taken", std::to_string(totals.taken())},
                  {"host.samples.written", std::to_string(totals.samples.written())}};
  for (const auto& [reason, count] : totals.dropped_by_reason())
    facts.emplace_back("host.samples.dropped." + reason, std::to_string(count));
  return facts;
}

// Composes all profiles and writes them. Returns one of everything, for the summary.
class ProfileWriter {
public:
  ProfileWriter(const Recording& recording, RecordingOutput& output, bool one_file)
      : recording_(recording), output_(output), one_file_(one_file) {
    add_kernel_names(kernel_, recording.window());
  }

  Result<Profile> write_all() {
    const Collector& collector = recording_.collector();
    const CollectedWindow& window = recording_.window();
    const bool merged = one_file_ && window.processes.size() != 1;
    RecordingInfo info = recording_.info();
    info.merged = merged;
    std::vector<ComposedProfile> profiles;
    profiles.reserve(window.processes.size());
    for (const auto& process : window.processes) {
      profiles.push_back(compose_profile(info, *process, collector, kernel_));
      missing_ += profiles.back().missing;
      if (!merged)
        output_.write(index_row(recording_, *process), profiles.back().profile);
    }
    if (profiles.empty())
      return merged ? fail("write the profile", recording_.why_nothing()) : Result<Profile>();
    if (profiles.size() == 1 && !merged)
      return std::move(profiles.front().profile);
    auto everything = compose_merged(info, profiles, window.totals.samples);
    if (everything && merged)
      output_.write({}, *everything);
    return everything;
  }

  [[nodiscard]] const KernelNames& kernel() const { return kernel_; }
  [[nodiscard]] const MissingNames& missing() const { return missing_; }

private:
  const Recording& recording_;
  RecordingOutput& output_;
  bool one_file_;
  KernelNames kernel_;
  MissingNames missing_;
};

void warn(std::string what, std::string why, std::string hint = {}) {
  print_warning({std::move(what), std::move(why), std::move(hint)});
}

void warn_of_symbolizer(const Recording& recording) {
  if (recording.names_late()) {
    warn("symbolize", "the worker did not answer in time; some frames have no names");
    return;
  }
  const auto status = recording.collector().symbols().worker_status();
  const uint64_t ends = std::accumulate(status.ends.begin(), status.ends.end(), uint64_t{0});
  if (ends == 0)
    return;
  std::string hint = "it was started again";
  if (status.refused_files != 0)
    hint += fmt::format("; frames of {} file(s) that ended it twice have no names",
                        status.refused_files);
  warn("symbolize",
       fmt::format("the worker ended {} time(s), the last one {}", ends, status.last_end),
       std::move(hint));
}

void print_warnings(const Recording& recording, const KernelNames& kernel,
                    const OutputSummary& files) {
  warn_of_symbolizer(recording);
  for (const Error& trouble : recording.fetch_troubles())
    print_warning(trouble);
  if (!kernel.failure().empty())
    warn("name kernel functions", kernel.failure(), kernel.hint());
  for (const auto& moved : files.moved)
    warn("write " + moved.wanted, moved.reason.why, "the profile is in " + moved.path);
}

Result<void> write_output(const RecordOptions& options, const Recording& recording,
                          RecordingOutput& output, bool one_file) {
  ProfileWriter writer(recording, output, one_file);
  const auto everything = writer.write_all();
  const OutputSummary files = output.finish(machine_facts(recording));
  print_warnings(recording, writer.kernel(), files);
  if (!everything)
    return std::unexpected(everything.error());
  if (options.top != 0)
    print_summary(recording, *everything, writer.missing(), files, options.top);
  for (const Error& error : files.failed)
    print_error(error);
  if (!files.failed.empty())
    return fail("write the profiles",
                "no place took " + std::to_string(files.failed.size()) + " of them");
  return {};
}

// Leaves the recording for its command's sake.
Result<void> record(const RecordOptions& options, std::unique_ptr<Recording>& recording) {
  auto target = output_target(options);
  if (!target)
    return std::unexpected(target.error());
  const bool one_file = target->kind != OutputTarget::Kind::Folder;
  auto output = RecordingOutput::open({.target = std::move(*target),
                                       .owner = sudo_owner(),
                                       .fallbacks = default_fallbacks(),
                                       .text_lines = options.top});
  if (!output)
    return std::unexpected(output.error());
  auto prepared = Recording::prepare(options);
  if (!prepared)
    return std::unexpected(prepared.error());
  recording = std::move(*prepared);
  if (auto run = recording->run(); !run)
    return run;
  if (auto written = write_output(options, *recording, *output, one_file); !written)
    return written;
  recording->finish_indexes();
  if (!recording->filter().matched() && !options.target.all)
    return fail("record " + recording->filter().description(), recording->why_nothing());
  return {};
}

} // namespace

int run_record(const RecordOptions& options) {
  const bool has_command = !options.target.command.empty();
  std::unique_ptr<Recording> recording;
  if (const Result<void> done = record(options, recording); !done) {
    print_error(done.error());
    return has_command ? kOwnFailure : kExitFailed;
  }
  if (auto& command = recording->command())
    return shell_status(command->wait());
  return kExitDone;
}

} // namespace pprofd
