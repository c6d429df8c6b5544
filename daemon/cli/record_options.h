// What `pprofd record` was asked to do, checked: the one description that the command line hands
// to the recording. Pure values, no resources. Built through the option table (program.h), so
// ranges, defaults and names stand there; contradictions between options are refused here.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/table/parser.h"
#include "daemon/debuginfod/choice.h"
#include "daemon/output/target.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// Which processes to record. Either `all`, or `command`, or at least one entry in the lists;
// a process is recorded if any entry matches it.
struct Target {
  std::vector<pid_t> pids; // distinct, in the order given
  bool children = false;   // descendants of the matching processes too; always with `command`
  bool all = false;
  // As given, each once; what they mean is target_match.h's. Names that no process can have were
  // refused.
  std::vector<std::string> comms;
  std::vector<std::string> exes;
  std::vector<std::string> cgroups;
  std::vector<std::string> units;
  std::vector<std::string> containers;
  std::vector<std::string> command; // what stood after `--`
  bool as_root = false;             // start the command as root even under sudo

  // A single process that runs already, without its children.
  [[nodiscard]] bool is_one_process() const;
};

struct RecordOptions {
  Target target;
  unsigned frequency = 99;                          // Hz per CPU, 1…5000
  std::optional<std::chrono::nanoseconds> duration; // until the target ends or Ctrl-C
  std::string event = "cpu-clock";                  // a name of sampling/event.h
  std::string output;                               // as given; empty: the default place
  bool merge = false;
  std::vector<Format> formats = {Format::Pprof}; // distinct, never empty
  symbolizer::DemangleStyle demangle = symbolizer::DemangleStyle::kFull;
  unsigned top = 20; // lines of the summary, 0 for none
  bool kernel = true;
  bool user = true;
  bool raw = false;
  IndexCacheChoice indexes;
  DebuginfodChoice debuginfod;
};

// What the options of the group "Target" say, for each command that has them. An Error is wrong
// usage.
Result<Target> make_target(const Arguments& arguments);

// Arguments after the word "record". An Error is wrong usage (exit status 2).
Result<RecordOptions> parse_record_options(const std::vector<std::string>& arguments);
Result<RecordOptions> make_record_options(const Arguments& arguments);

// Refuses a frequency above the kernel's limit (kernel.perf_event_max_sample_rate), naming the
// limit. An unreadable file is no limit.
Result<void> check_kernel_frequency(
    unsigned hertz,
    const std::filesystem::path& limit_file = "/proc/sys/kernel/perf_event_max_sample_rate");

// Where the output goes, as -o says; whether a name is an existing folder is looked up.
Result<OutputTarget> output_target(const RecordOptions& options);

} // namespace pprofd
