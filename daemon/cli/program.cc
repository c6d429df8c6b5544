#include "daemon/cli/program.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/cli/debuginfod_options.h"
#include "daemon/cli/demangle_style.h"
#include "daemon/cli/index_cache_choice.h"
#include "daemon/sampling/event.h"

namespace pprofd {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kHighestPid = 4'194'304;                       // PID_MAX_LIMIT of 64-bit kernels
constexpr uint64_t kLongestRecording = uint64_t{168} * 3'600'000; // a week

constexpr uint64_t kLongestWindow = uint64_t{24} * 3'600'000; // a day

constexpr uint64_t kLongestInterval = 3'600'000; // an hour

constexpr std::array kFormats = {
    Choice{"pprof", "gzipped profile.proto, for go tool pprof and its kin"},
    Choice{"folded", "one line a stack, for flame graph tools"},
    Choice{"html", "a flame graph in one file, for a browser, also without a network"},
    Choice{"text", "tables to read"},
};

constexpr std::array kOnOff = {
    Choice{"on", "yes"},
    Choice{"off", "no"},
};
constexpr std::array kShells = {
    Choice{"bash", "GNU bash"},
    Choice{"zsh", "the Z shell"},
    Choice{"fish", "the friendly interactive shell"},
};

constexpr auto kEvents = [] {
  std::array<Choice, kSamplingEvents.size()> choices;
  std::ranges::transform(kSamplingEvents, choices.begin(),
                         [](const SamplingEvent& event) { return Choice{event.name, event.help}; });
  return choices;
}();

constexpr std::array kTopLimits = {uint64_t{0}, uint64_t{100'000}};

std::span<const OptionSpec> record_options() {
  static const std::array options = {
      OptionSpec{.name = "pid",
                 .short_name = 'p',
                 .type = OptionType::kUnsigned,
                 .argument = "PID",
                 .min = 1,
                 .max = kHighestPid,
                 .repeatable = true,
                 .comma_list = true,
                 .completion = Completion::kPid,
                 .group = "Target",
                 .help = "these processes, all their threads"},
      OptionSpec{.name = "all",
                 .short_name = 'a',
                 .group = "Target",
                 .help = "every process; the default when no target is given"},
      OptionSpec{.name = "comm",
                 .type = OptionType::kText,
                 .argument = "NAME",
                 .repeatable = true,
                 .completion = Completion::kProcessName,
                 .group = "Target",
                 .help = "processes of this name, as in /proc/PID/comm, now and while it runs"},
      OptionSpec{.name = "exe",
                 .type = OptionType::kPath,
                 .argument = "PATH",
                 .repeatable = true,
                 .completion = Completion::kFile,
                 .group = "Target",
                 .help = "processes that run this executable, now and while it runs"},
      OptionSpec{.name = "cgroup",
                 .type = OptionType::kPath,
                 .argument = "PATH",
                 .repeatable = true,
                 .completion = Completion::kFolder,
                 .group = "Target",
                 .help = "processes in this cgroup and below it, now and while it runs; a path as "
                         "in /proc/PID/cgroup or beneath a cgroup mount"},
      OptionSpec{.name = "unit",
                 .type = OptionType::kText,
                 .argument = "UNIT",
                 .repeatable = true,
                 .completion = Completion::kUnit,
                 .group = "Target",
                 .help = "processes of this systemd unit, now and while it runs; a name without "
                         "suffix is a service"},
      OptionSpec{.name = "container",
                 .type = OptionType::kText,
                 .argument = "ID",
                 .repeatable = true,
                 .group = "Target",
                 .help = "processes of this container, now and while it runs; the id or at least "
                         "its first 12 digits"},
      OptionSpec{.name = "children",
                 .group = "Target",
                 .help = "children and further descendants of the processes above too"},
      OptionSpec{.name = "as-root",
                 .group = "Target",
                 .help = "start COMMAND as root, not as the user who called sudo"},

      OptionSpec{.name = "frequency",
                 .short_name = 'F',
                 .type = OptionType::kUnsigned,
                 .argument = "HZ",
                 .unit = "Hz",
                 .min = 1,
                 .max = 5000,
                 .default_text = "99",
                 .group = "Sampling",
                 .help = "samples per second and CPU"},
      OptionSpec{.name = "duration",
                 .short_name = 'd',
                 .type = OptionType::kDuration,
                 .argument = "TIME",
                 .unit = "s",
                 .min = 1,
                 .max = kLongestRecording,
                 .group = "Sampling",
                 .help = "how long, such as 10, 10s, 1500ms or 2m; without it until the target "
                         "ends or Ctrl-C, which ends the recording, not the output"},
      OptionSpec{.name = "event",
                 .short_name = 'e',
                 .type = OptionType::kChoice,
                 .argument = "EVENT",
                 .default_text = "cpu-clock",
                 .choices = kEvents,
                 .group = "Sampling",
                 .help = "what is counted; pprofd doctor says which hardware events this machine "
                         "has"},
      OptionSpec{.name = "kernel",
                 .type = OptionType::kSwitch,
                 .default_text = "yes",
                 .group = "Sampling",
                 .help = "stacks in the kernel"},
      OptionSpec{.name = "user",
                 .type = OptionType::kSwitch,
                 .default_text = "yes",
                 .group = "Sampling",
                 .help = "stacks in user space"},

      OptionSpec{.name = "output",
                 .short_name = 'o',
                 .type = OptionType::kPath,
                 .argument = "PATH",
                 .completion = Completion::kFile,
                 .group = "Output",
                 .help = "'-' (standard output) or a name ending in .pb.gz: one file, several "
                         "processes merged in it; an existing folder or a name ending in '/': a "
                         "file per process. Default: profile.pb.gz for one PID without --children, "
                         "for COMMAND and with --merge, else profiles/"},
      OptionSpec{.name = "merge",
                 .group = "Output",
                 .help = "one file for all processes; labels pid and comm tell them apart"},
      OptionSpec{.name = "format",
                 .type = OptionType::kChoice,
                 .argument = "FORMAT",
                 .default_text = "pprof",
                 .choices = kFormats,
                 .repeatable = true,
                 .group = "Output",
                 .help = "the files' format; the other formats replace the ending .pb.gz: .folded, "
                         ".html, .txt"},
      demangle_option("Output"),
      OptionSpec{.name = "top",
                 .type = OptionType::kUnsigned,
                 .argument = "N",
                 .min = kTopLimits[0],
                 .max = kTopLimits[1],
                 .default_text = "20",
                 .group = "Output",
                 .help = "functions in the summary on standard error, 0 for none"},
      OptionSpec{.name = "raw",
                 .group = "Output",
                 .help = "addresses only, no symbols; for symbolization elsewhere"},
      cache_option("Symbols"),
      debuginfod_option("Symbols"),
      debuginfod_wait_option("Symbols"),
  };
  return options;
}

constexpr std::array kViews = {
    Choice{"functions", "of all processes"},
    Choice{"processes", "by their share"},
    Choice{"threads", "by their share"},
};
constexpr std::array kOrders = {
    Choice{"self", "what is spent in the function itself"},
    Choice{"total", "with what it calls"},
};

// Who is sampled and how is asked for as with `record`.
std::span<const OptionSpec> top_command_options() {
  static const std::vector<OptionSpec> options = [] {
    std::vector<OptionSpec> all;
    for (const std::string_view name :
         {"pid", "all", "comm", "exe", "cgroup", "unit", "container", "children", "frequency",
          "event", "kernel", "user", "cache", "debuginfod"})
      all.push_back(*find_option(record_options(), name));
    const std::array own = {
        OptionSpec{.name = "interval",
                   .type = OptionType::kDuration,
                   .argument = "TIME",
                   .unit = "s",
                   .min = 100,
                   .max = kLongestInterval,
                   .default_text = "1s",
                   .group = "View",
                   .help = "between two refreshes"},
        OptionSpec{.name = "window",
                   .type = OptionType::kDuration,
                   .argument = "TIME",
                   .unit = "s",
                   .min = 100,
                   .max = kLongestInterval,
                   .default_text = "10s",
                   .group = "View",
                   .help = "what is shown is the sum of the last so many seconds"},
        OptionSpec{.name = "view",
                   .type = OptionType::kChoice,
                   .argument = "VIEW",
                   .default_text = "functions",
                   .choices = kViews,
                   .group = "View",
                   .help = "the list to begin with"},
        OptionSpec{.name = "sort",
                   .type = OptionType::kChoice,
                   .argument = "ORDER",
                   .default_text = "self",
                   .choices = kOrders,
                   .group = "View",
                   .help = "the order of functions"},
        OptionSpec{.name = "filter",
                   .type = OptionType::kText,
                   .argument = "RE",
                   .group = "View",
                   .help = "only rows that match the regular expression; both cases where it has "
                           "no capital letter"},
        OptionSpec{.name = "long",
                   .group = "View",
                   .help = "names with parameters and template arguments"},
        demangle_option("View"),
        OptionSpec{.name = "batch",
                   .short_name = 'b',
                   .group = "Output",
                   .help = "plain text on standard output, for files and pipes, each refresh "
                           "after the one before"},
        OptionSpec{.name = "iterations",
                   .short_name = 'n',
                   .type = OptionType::kUnsigned,
                   .argument = "N",
                   .min = 1,
                   .group = "Output",
                   .help = "ends after so many refreshes"},
        OptionSpec{.name = "top",
                   .type = OptionType::kUnsigned,
                   .argument = "N",
                   .min = kTopLimits[0],
                   .max = kTopLimits[1],
                   .default_text = "20",
                   .group = "Output",
                   .help = "with --batch: lines of each refresh, 0 for all"},
    };
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }();
  return options;
}

constexpr std::array kReportOptions = {
    OptionSpec{.name = "tree",
               .group = "View",
               .help = "each function with its callers above it and its callees below it"},
    OptionSpec{.name = "folded",
               .group = "View",
               .help = "one line a stack, root first, for flame graph tools"},
    OptionSpec{.name = "lines",
               .group = "View",
               .help = "source lines instead of functions, in the list or the tree"},
    OptionSpec{.name = "source",
               .type = OptionType::kText,
               .argument = "FUNCTION",
               .group = "View",
               .help = "the source of functions that match the regular expression, with what each "
                       "line accounts for"},
    OptionSpec{.name = "html",
               .type = OptionType::kPath,
               .argument = "OUT",
               .completion = Completion::kFile,
               .group = "View",
               .help = "a flame graph in the file OUT ('-': standard output), for a browser, also "
                       "without a network; with --diff one of both sides"},
    OptionSpec{.name = "diff",
               .type = OptionType::kPath,
               .argument = "BASE",
               .completion = Completion::kFile,
               .group = "View",
               .help = "what changed since the profile BASE, absolute and relative, per function"},
    OptionSpec{.name = "top",
               .type = OptionType::kUnsigned,
               .argument = "N",
               .min = kTopLimits[0],
               .max = kTopLimits[1],
               .default_text = "20",
               .group = "View",
               .help = "functions shown, the hottest first; 0 for all"},
    OptionSpec{.name = "long",
               .group = "View",
               .help = "names with parameters and template arguments, which tables leave out"},
    OptionSpec{.name = "focus",
               .type = OptionType::kText,
               .argument = "RE",
               .group = "Selection",
               .help = "only samples with a function that matches the regular expression"},
    OptionSpec{.name = "ignore",
               .type = OptionType::kText,
               .argument = "RE",
               .group = "Selection",
               .help = "only samples without a function that matches the regular expression"},
    OptionSpec{.name = "sample",
               .type = OptionType::kText,
               .argument = "TYPE",
               .group = "Selection",
               .help = "the type of value, by name or index; without it the profile's default"},
};

constexpr std::array kInspectOptions = {
    OptionSpec{.name = "rows",
               .group = "View",
               .help = "one unwind row a line instead: its address, where the frame (CFA), the "
                       "frame pointer and the return address are"},
    OptionSpec{.name = "symbols",
               .group = "View",
               .help = "one symbol a line instead: its address, size, source and name"},
};

// The service's settings. A key is the flag's name.
constexpr std::array kRunOptions = {
    OptionSpec{.name = "config",
               .type = OptionType::kPath,
               .argument = "FILE",
               .default_text = "/etc/pprofd/pprofd.toml",
               .completion = Completion::kFile,
               .group = "Configuration",
               .help = "the configuration, in TOML; without this option the file may be missing"},
    OptionSpec{.name = "check",
               .group = "Configuration",
               .help = "only check the configuration: exit status 0 if it is right, else 2"},

    OptionSpec{.name = "frequency",
               .short_name = 'F',
               .type = OptionType::kUnsigned,
               .argument = "HZ",
               .unit = "Hz",
               .min = 1,
               .max = 5000,
               .default_text = "19",
               .group = "Sampling",
               .help = "samples per second and CPU",
               .key = "frequency"},
    OptionSpec{.name = "window",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 100,
               .max = kLongestWindow,
               .default_text = "60s",
               .group = "Sampling",
               .help = "one profile per process and window",
               .key = "window"},
    OptionSpec{.name = "collect",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 100,
               .max = kLongestWindow,
               .group = "Sampling",
               .help = "how long of each window is sampled, at a time that differs from host to "
                       "host; without it all of the window",
               .key = "collect"},
    OptionSpec{.name = "include",
               .type = OptionType::kText,
               .argument = "KEY:GLOB",
               .repeatable = true,
               .comma_list = true,
               .group = "Sampling",
               .help = "only processes that match one; KEY is comm, exe, cgroup, unit, container "
                       "or pid",
               .key = "include"},
    OptionSpec{.name = "exclude",
               .type = OptionType::kText,
               .argument = "KEY:GLOB",
               .repeatable = true,
               .comma_list = true,
               .group = "Sampling",
               .help = "no process that matches one, included or not",
               .key = "exclude"},
    OptionSpec{.name = "labels",
               .type = OptionType::kText,
               .argument = "NAME=VALUE",
               .repeatable = true,
               .comma_list = true,
               .table = true,
               .group = "Sampling",
               .help = "added to every profile; the label service names the service",
               .key = "labels"},

    OptionSpec{.name = "limits.memory",
               .type = OptionType::kBytes,
               .argument = "BYTES",
               .min = 64'000'000,
               .default_text = "200MB",
               .group = "Limits",
               .help = "of all processes of pprofd and of its kernel maps",
               .key = "limits.memory"},
    OptionSpec{.name = "limits.cpu",
               .type = OptionType::kPercent,
               .argument = "PERCENT",
               .min = 10,
               .default_text = "2%",
               .group = "Limits",
               .help = "of one CPU, the kernel's part of sampling included; over it the frequency "
                       "is lowered",
               .key = "limits.cpu"},

    cache_option("Store", "cache"),
    debuginfod_option("Symbols", "debuginfod"),
    OptionSpec{.name = "store.path",
               .type = OptionType::kPath,
               .argument = "FOLDER",
               .default_text = "/var/lib/pprofd/store",
               .completion = Completion::kFolder,
               .group = "Store",
               .help = "where profiles are kept",
               .key = "store.path"},
    OptionSpec{.name = "store.retention",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 60'000,
               .default_text = "7d",
               .group = "Store",
               .help = "how long",
               .key = "store.retention"},
    OptionSpec{.name = "store.max_size",
               .type = OptionType::kBytes,
               .argument = "BYTES",
               .min = 1'000'000,
               .default_text = "2GB",
               .group = "Store",
               .help = "how much; the oldest go first",
               .key = "store.max_size"},

    OptionSpec{.name = "store.triggered_retention",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 60'000,
               .default_text = "30d",
               .group = "Store",
               .help = "how long profiles that triggers took are kept, whatever the others are",
               .key = "store.triggered_retention"},
    OptionSpec{.name = "store.triggered_max_size",
               .type = OptionType::kBytes,
               .argument = "BYTES",
               .min = 1'000'000,
               .default_text = "200MB",
               .group = "Store",
               .help = "how much of them, beside store.max_size; the oldest go first",
               .key = "store.triggered_max_size"},

    OptionSpec{.name = "triggers.range",
               .type = OptionType::kChoice,
               .argument = "WHETHER",
               .default_text = "on",
               .choices = kOnOff,
               .group = "Triggers",
               .help = "a process is looked at closer when its CPU use, its number of threads or "
                       "its waiting for a CPU leaves its own recent range upwards",
               .key = "triggers.range"},
    OptionSpec{.name = "triggers.history",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 500,
               .max = kLongestWindow,
               .default_text = "5m",
               .group = "Triggers",
               .help = "the time that a range is made of, and that a process must have been seen",
               .key = "triggers.history"},
    OptionSpec{.name = "triggers.signals",
               .type = OptionType::kChoice,
               .argument = "WHETHER",
               .default_text = "on",
               .choices = kOnOff,
               .group = "Triggers",
               .help = "a process that dies by SIGSEGV, SIGABRT, SIGKILL and the like has a "
                       "profile of its last minute",
               .key = "triggers.signals"},
    OptionSpec{.name = "triggers.past",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .max = 600'000,
               .default_text = "60s",
               .group = "Triggers",
               .help = "how far back the ordinary samples are kept for it, and for what was before "
                       "any trigger; 0 for none",
               .key = "triggers.past"},
    OptionSpec{.name = "triggers.interval",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 100,
               .max = 60'000,
               .default_text = "2s",
               .group = "Triggers",
               .help = "how often processes are read for it and for the rules of [[trigger]]",
               .key = "triggers.interval"},
    OptionSpec{.name = "triggers.frequency",
               .type = OptionType::kUnsigned,
               .argument = "HZ",
               .unit = "Hz",
               .min = 1,
               .max = 5000,
               .default_text = "199",
               .group = "Triggers",
               .help = "of the profile that is taken then",
               .key = "triggers.frequency"},
    OptionSpec{.name = "triggers.duration",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 100,
               .max = 600'000,
               .default_text = "10s",
               .group = "Triggers",
               .help = "how long it takes",
               .key = "triggers.duration"},
    OptionSpec{.name = "triggers.every",
               .type = OptionType::kDuration,
               .argument = "TIME",
               .unit = "s",
               .min = 1'000,
               .default_text = "10m",
               .group = "Triggers",
               .help = "one process has none again before so long",
               .key = "triggers.every"},
    OptionSpec{.name = "triggers.max_per_hour",
               .type = OptionType::kUnsigned,
               .argument = "N",
               .max = 3600,
               .default_text = "12",
               .group = "Triggers",
               .help = "all processes together have no more of them in any hour",
               .key = "triggers.max_per_hour"},

    OptionSpec{.name = "spool.path",
               .type = OptionType::kPath,
               .argument = "FOLDER",
               .default_text = "/var/lib/pprofd/spool",
               .completion = Completion::kFolder,
               .group = "Shipping",
               .help = "where profiles wait until the targets of [[ship]] have taken them",
               .key = "spool.path"},

    OptionSpec{.name = "http.listen",
               .type = OptionType::kText,
               .argument = "ADDRESS",
               .default_text = "unix:/run/pprofd/pprofd.sock,127.0.0.1:7171",
               .repeatable = true,
               .comma_list = true,
               .group = "HTTP",
               .help = "where the page and the interfaces are served: unix:PATH, IP:PORT or "
                       "localhost:PORT",
               .key = "http.listen"},
    OptionSpec{.name = "http.metrics_listen",
               .type = OptionType::kText,
               .argument = "ADDRESS",
               .repeatable = true,
               .comma_list = true,
               .group = "HTTP",
               .help = "where only metrics and health are served, to anybody",
               .key = "http.metrics_listen"},
    OptionSpec{.name = "http.tls_cert",
               .type = OptionType::kPath,
               .argument = "FILE",
               .completion = Completion::kFile,
               .group = "HTTP",
               .help = "the server's certificate and those between it and the authority, in PEM",
               .key = "http.tls_cert"},
    OptionSpec{.name = "http.tls_key",
               .type = OptionType::kPath,
               .argument = "FILE",
               .completion = Completion::kFile,
               .group = "HTTP",
               .help = "its private key, in PEM",
               .key = "http.tls_key"},
    OptionSpec{.name = "http.tls_client_ca",
               .type = OptionType::kPath,
               .argument = "FILE",
               .completion = Completion::kFile,
               .group = "HTTP",
               .help = "clients need a certificate of this authority",
               .key = "http.tls_client_ca"},
    OptionSpec{.name = "http.auth_basic_file",
               .type = OptionType::kPath,
               .argument = "FILE",
               .completion = Completion::kFile,
               .group = "HTTP",
               .help = "users and bcrypt hashes, one USER:HASH a line",
               .key = "http.auth_basic_file"},
    OptionSpec{.name = "http.auth_token_file",
               .type = OptionType::kPath,
               .argument = "FILE",
               .completion = Completion::kFile,
               .group = "HTTP",
               .help = "bearer tokens, one a line",
               .key = "http.auth_token_file"},
};

std::span<const OptionSpec> symbolize_options() {
  static const std::array options = {
      OptionSpec{.name = "elf",
                 .short_name = 'e',
                 .type = OptionType::kPath,
                 .argument = "ELF",
                 .completion = Completion::kFile,
                 .group = "Input",
                 .help = "answer addresses, of this program or library"},
      OptionSpec{.name = "debug-dir",
                 .type = OptionType::kPath,
                 .argument = "DIR",
                 .repeatable = true,
                 .completion = Completion::kFolder,
                 .group = "Input",
                 .help = "a folder with programs, libraries or their debug information, by build "
                         "id (.build-id/NN/NNN.debug), path or name; searched before "
                         "/usr/lib/debug"},
      cache_option("Input"),
      debuginfod_option("Input"),
      debuginfod_wait_option("Input"),
      OptionSpec{.name = "output",
                 .short_name = 'o',
                 .type = OptionType::kPath,
                 .argument = "PATH",
                 .completion = Completion::kFile,
                 .group = "Output",
                 .help = "where the profile goes instead of in place: '-' (standard output), a "
                         "file, or a folder for one or several"},
      demangle_option("Output"),
  };
  return options;
}

constexpr std::array kExportOptions = {
    OptionSpec{.name = "output",
               .short_name = 'o',
               .type = OptionType::kPath,
               .argument = "OUT",
               .default_text = "-",
               .completion = Completion::kFile,
               .group = "Output",
               .help = "the file that the rows go to, compressed where its name ends in .zst or "
                       ".gz; '-': standard output"},
    OptionSpec{.name = "sample",
               .type = OptionType::kText,
               .argument = "TYPE",
               .group = "Selection",
               .help = "the type of value, by name or index; without it each profile's default"},
};

constexpr std::array kDoctorOptions = {
    OptionSpec{.name = "json", .group = "Output", .help = "one JSON document instead of lines"},
};

constexpr std::array kEveryCommand = {
    OptionSpec{.name = "help", .short_name = 'h', .group = "General", .help = "this text"},
};
constexpr std::array kTopOptions = {
    OptionSpec{.name = "version", .group = "General", .help = "the program's version"},
};

constexpr std::array kRecordUsage = {"[TARGET] [OPTIONS]"sv, "[OPTIONS] -- COMMAND [ARG...]"sv};
constexpr std::array kTopUsage = {"[TARGET] [OPTIONS]"sv, "--batch [-n N] [TARGET] [OPTIONS]"sv};
constexpr std::array kRunUsage = {"[--config FILE] [OPTIONS]"sv};
constexpr std::array kReportUsage = {"[OPTIONS] FILE..."sv};
constexpr std::array kInspectUsage = {"[OPTIONS] ELF"sv};
constexpr std::array kSymbolizeUsage = {"[OPTIONS] FILE..."sv, "-e ELF [OPTIONS] [ADDRESS...]"sv};
constexpr std::array kExportUsage = {"[OPTIONS] FILE..."sv};
constexpr std::array kDoctorUsage = {"[--json]"sv};
constexpr std::array kCompletionUsage = {"bash|zsh|fish"sv};

constexpr std::string_view kDebuginfodNote =
    "Debug information that is not on this machine comes from the servers of --debuginfod, if any, "
    "by a process without privileges; it is kept below the folder of --cache (2 GiB; a file has at "
    "most 1 GiB). A server learns the build ids of the programs in question. Nothing is fetched by "
    "default: DEBUGINFOD_URLS, which other programs heed, is not read, but --debuginfod "
    "\"$DEBUGINFOD_URLS\" takes its value.";
constexpr std::array kRecordNotes = {
    "Several targets add up: a process is recorded if any of them matches it. COMMAND is started "
    "as the user who called sudo; it and its children are recorded from the first instruction."sv,
    "A folder receives <pid>-<start time>.pb.gz per process and index.tsv. Files appear whole or "
    "not at all. A summary on standard error says how many samples were taken, written and "
    "dropped, and which functions are hot."sv,
    "The exit status of record -- COMMAND is that of COMMAND, 128 + signal if it was killed, and "
    "125 where pprofd itself failed."sv,
    "Names of a file with much debug information take a while to look up. An index of it is made "
    "beside the recording and kept in the folder of --cache: from then on it gives the names. At "
    "the end a recording waits a moment (0.3 s) for one that is being made."sv,
    kDebuginfodNote,
    "What is fetched while the recording runs delays nothing. At its end a recording waits for the "
    "rest, at most as long as --debuginfod-wait says; what comes later is there for the next one."sv,
};
constexpr std::array kTopNotes = {
    "Shows what is hot now, in the terminal: functions, processes (Tab), threads; Enter leads to a "
    "function's callers and callees, a process's or a thread's functions, Esc back. '?' names all "
    "keys. Nothing is written."sv,
    "Figures are sums of the last seconds (--window), of whole intervals: shares of the samples in "
    "view, and of processes and threads the CPU time, 100% being one CPU. The second line says how "
    "many stacks are incomplete (they are missing in the totals of their callers) and how many "
    "samples were dropped."sv,
    kDebuginfodNote,
    "While the program is stopped (Ctrl-Z) nothing is sampled. When all processes named by --pid "
    "have ended, what was seen last stays; with --batch it ends."sv,
};
constexpr std::array kRunNotes = {
    "Samples all processes, without a gap, and keeps one profile per process and window. Settings "
    "come from the command line, else from the environment, else from the file, else from the "
    "defaults below; a list given in one place replaces that of another."sv,
    "Each table [[ship]] of the file is a system that profiles are sent to: type (profefe, "
    "pyroscope, parca, otlp, s3, file), url or path, name, labels, include, exclude, tls_ca, "
    "tls_cert, tls_key, token_file, headers, compression, spool_size, batch_profiles, batch_size, "
    "batch_wait, rate, timeout; of s3 bucket, region, prefix, credentials_file; of s3 and file "
    "format (rows, pprof)."sv,
    "Each table [[trigger]] of the file is a rule by which a process is looked at closer: when "
    "(\"cpu > 80% for 10s\", \"threads > 200\", \"run_queue > 50% for 5s\"; cpu is in per cent of "
    "one CPU, run_queue the time that threads were ready and had none), match (a list of KEY:GLOB, "
    "one of which must match), and frequency, duration and every instead of those of [triggers]. "
    "Profiles taken so have the comment trigger, are kept apart from the others and are not "
    "shipped."sv,
    kDebuginfodNote,
    "Nothing waits for such a server: a window whose debug information is not there yet has names "
    "without lines, and later ones have lines."sv,
    "SIGTERM writes the window that runs and ends. SIGHUP reads the configuration again; a wrong "
    "one leaves everything as it was. Under systemd it tells of its readiness and feeds the "
    "watchdog as long as samples arrive."sv,
};
constexpr std::array kReportNotes = {
    "Files are pprof profiles of any program, gzipped or not; '-' is standard input. Several files "
    "are merged. Without an option for the view the hottest functions are listed."sv,
};
constexpr std::array kInspectNotes = {
    "Says what pprofd makes of a program or library: its build id, where symbols, lines and unwind "
    "rows come from, how many there are, what they cost, what could not be used and why. The file "
    "is "
    "parsed in the same sandbox as while profiling; no privileges are needed."sv,
    "A row reads as in readelf --debug-dump=frames-interp: rsp+16; c-16, 16 bytes below the CFA; "
    "u, unchanged or undefined, and as return address: the outermost frame; a register's name; "
    "exp for an expression. It holds up to the next row; 'none' stands where a gap begins. Rows "
    "are those that the unwinder applies: where Go wrote the file, from Go's own tables."sv,
};
constexpr std::array kSymbolizeNotes = {
    "Fills in functions and lines of profiles that have none, such as those of record --raw, here "
    "or on another machine; any program's profiles will do. A file is taken for a mapping of the "
    "profile only if it has the same build id or, where the profile says none, has not been "
    "changed since. Mappings that have functions and the kernel's addresses stay as they are. "
    "Files are written whole or not at all; '-' is standard input."sv,
    "With -e answers virtual addresses of an ELF file, hexadecimal, as llvm-symbolizer prints "
    "them: "
    "function "
    "and file:line:column of each inlined call, the innermost first, then an empty line. Without "
    "an ADDRESS they are read from standard input, one a line, and each is answered as it comes."sv,
    "Debug information is taken from the file, or from where distributions keep it apart: "
    "/usr/lib/debug by build id or name, and beside the file. An address is where the instruction "
    "stands: of a return address give the one before."sv,
    kDebuginfodNote,
    "A file is waited for at most as long as --debuginfod-wait says; once that was in vain no "
    "other "
    "one is."sv,
    "Where look-ups in a file took a while, an index of it is made in the end and kept in the "
    "folder of --cache, which answers the next time, in recordings too. The standard folder is "
    "used "
    "where only root or you may write it."sv,
};
constexpr std::array kExportNotes = {
    "Writes pprof profiles of any program as rows that ClickHouse, DuckDB and Athena load as they "
    "are: one JSON object a line, one line a sample, with time, duration, type, unit, host, "
    "service, "
    "version, build_id, pid, comm, labels, value and stack (functions, the innermost first)."sv,
    "Host, service, version and other labels are taken from the profile's comments, where pprofd "
    "writes them. Targets of the service of type s3 or file with format = \"rows\" get the same "
    "rows; queries for them are in /usr/share/doc/pprofd/queries."sv,
};
constexpr std::array kDoctorNotes = {
    "Each line is one probe: what was tried, its result and, where it is bad, what follows and "
    "what "
    "helps. The exit status is 0 if recording is possible, 1 if not."sv,
};
constexpr std::array kCompletionNotes = {
    "Prints the script that completes pprofd's commands, options and values in the given shell."sv,
};

constexpr std::array kRecordExamples = {
    Example{"sudo pprofd record -p 1234 -d 10", "one process for ten seconds"},
    Example{"sudo pprofd record --all -d 1m -o profiles/", "the whole machine, a file per process"},
    Example{"sudo pprofd record --unit nginx --children --format folded -o nginx.folded",
            "a service, as folded stacks"},
    Example{"sudo pprofd record -- make -j8", "a command from its first instruction to its end"},
    Example{"sudo pprofd record -p 1234 -d 10 -o - | pprofd report -", "straight to the report"},
};
constexpr std::array kTopExamples = {
    Example{"sudo pprofd top", "the whole machine"},
    Example{"sudo pprofd top -p 1234 -F 999", "one process, closely"},
    Example{"sudo pprofd top --unit postgresql --view threads", "a service's threads"},
    Example{"sudo pprofd top -b -n 1 --window 5s --interval 5s", "five seconds, as text"},
};
constexpr std::array kRunExamples = {
    Example{"sudo pprofd run", "as the service does"},
    Example{"pprofd run --check --config pprofd.toml", "is this configuration right?"},
    Example{"sudo pprofd run --window 10s --frequency 99 --store.path profiles", "closer looks"},
};
constexpr std::array kReportExamples = {
    Example{"pprofd report profile.pb.gz", "the hottest functions"},
    Example{"pprofd report --tree --focus parse profiles/*.pb.gz", "who calls the parser"},
    Example{"pprofd report --source '^parse' profile.pb.gz", "the parser's lines, annotated"},
    Example{"pprofd report --diff before.pb.gz after.pb.gz", "what changed"},
};
constexpr std::array kInspectExamples = {
    Example{"pprofd inspect /usr/bin/python3", "what is known of a program"},
    Example{"pprofd inspect --rows /lib/x86_64-linux-gnu/libc.so.6 | less", "how it is unwound"},
    Example{"pprofd inspect --symbols ./server | grep parse", "which names it has"},
};
constexpr std::array kSymbolizeExamples = {
    Example{"pprofd symbolize profile.pb.gz", "the names of a profile of record --raw, in place"},
    Example{"pprofd symbolize --debug-dir symbols/ -o named/ profiles/*.pb.gz",
            "many, of another machine's programs"},
    Example{"pprofd symbolize -e ./server 0x4011d6", "which function and line that is"},
    Example{"pprofd symbolize -e ./server < addresses.txt", "many of them"},
};
constexpr std::array kExportExamples = {
    Example{"pprofd export profiles/*.pb.gz -o rows.jsonl.zst", "a recording, as a table"},
    Example{"pprofd export profile.pb.gz | jq -r '.stack[0]' | sort | uniq -c",
            "rows with each function that ran"},
};
constexpr std::array kDoctorExamples = {
    Example{"sudo pprofd doctor", "what this kernel and root's privileges allow"},
};
constexpr std::array kCompletionExamples = {
    Example{"pprofd completion bash > /etc/bash_completion.d/pprofd", "for all users of bash"},
    Example{"pprofd completion zsh > ~/.zfunc/_pprofd", "a folder in zsh's fpath"},
    Example{"pprofd completion fish > ~/.config/fish/completions/pprofd.fish", "for fish"},
};

constexpr std::array kExitStatus = {
    Choice{"0", "done"},
    Choice{"1", "failed at run time"},
    Choice{"2", "wrong usage"},
};
constexpr std::array kEnvironment = {
    Choice{"NO_COLOR", "not empty: no colours"},
    Choice{"TERM", "'dumb' or unset: no progress line, no colours, no top but with --batch"},
};

} // namespace

const ProgramSpec& program() {
  static const std::array commands = {
      CommandSpec{.name = "record",
                  .summary = "profile now, write profiles, print what is hot",
                  .usage = kRecordUsage,
                  .notes = kRecordNotes,
                  .options = record_options(),
                  .takes_command = true,
                  .examples = kRecordExamples},
      CommandSpec{.name = "top",
                  .summary = "the hottest functions, processes and threads, live",
                  .usage = kTopUsage,
                  .notes = kTopNotes,
                  .options = top_command_options(),
                  .examples = kTopExamples},
      CommandSpec{.name = "run",
                  .summary = "the service: profiles in windows, all year round",
                  .usage = kRunUsage,
                  .notes = kRunNotes,
                  .options = kRunOptions,
                  .examples = kRunExamples},
      CommandSpec{.name = "report",
                  .summary = "read pprof files: top, tree, source, folded stacks, difference",
                  .usage = kReportUsage,
                  .notes = kReportNotes,
                  .options = kReportOptions,
                  .operand = {.name = "FILE",
                              .help = "a pprof profile",
                              .min = 1,
                              .max = SIZE_MAX,
                              .completion = Completion::kFile},
                  .examples = kReportExamples},
      CommandSpec{.name = "inspect",
                  .summary = "what pprofd makes of an ELF file: symbols, unwind rows",
                  .usage = kInspectUsage,
                  .notes = kInspectNotes,
                  .options = kInspectOptions,
                  .operand = {.name = "ELF",
                              .help = "a program or library",
                              .min = 1,
                              .max = 1,
                              .completion = Completion::kFile},
                  .examples = kInspectExamples},
      CommandSpec{.name = "symbolize",
                  .summary = "fill in names of raw profiles, or of addresses in an ELF file",
                  .usage = kSymbolizeUsage,
                  .notes = kSymbolizeNotes,
                  .options = symbolize_options(),
                  .operand = {.name = "FILE|ADDRESS",
                              .help = "a profile; with -e a virtual address, hexadecimal",
                              .min = 0,
                              .max = SIZE_MAX,
                              .completion = Completion::kFile},
                  .examples = kSymbolizeExamples},
      CommandSpec{.name = "export",
                  .summary = "profiles as rows for ClickHouse, DuckDB and other engines",
                  .usage = kExportUsage,
                  .notes = kExportNotes,
                  .options = kExportOptions,
                  .operand = {.name = "FILE",
                              .help = "a pprof profile",
                              .min = 1,
                              .max = SIZE_MAX,
                              .completion = Completion::kFile},
                  .examples = kExportExamples},
      CommandSpec{.name = "doctor",
                  .summary = "what this kernel and these privileges allow",
                  .usage = kDoctorUsage,
                  .notes = kDoctorNotes,
                  .options = kDoctorOptions,
                  .examples = kDoctorExamples},
      CommandSpec{
          .name = "completion",
          .summary = "print the completion script for a shell",
          .usage = kCompletionUsage,
          .notes = kCompletionNotes,
          .operand = {.name = "SHELL", .help = "the shell", .min = 1, .max = 1, .choices = kShells},
          .examples = kCompletionExamples},
  };
  static const ProgramSpec table = {
      .name = "pprofd",
      .version = PPROFD_VERSION,
      .summary = "profile a whole Linux machine with eBPF",
      .description = "pprofd samples the stacks of every process, or of those asked for, names "
                     "their functions and writes pprof profiles. Nothing about the profiled "
                     "programs changes.",
      .options = kEveryCommand,
      .top_options = kTopOptions,
      .commands = commands,
      .exit_status = kExitStatus,
      .environment = kEnvironment,
  };
  return table;
}

const CommandSpec& command_spec(std::string_view name) {
  const CommandSpec* command = find_command(program(), name);
  if (command == nullptr)
    throw std::invalid_argument("no command " + std::string(name));
  return *command;
}

} // namespace pprofd
