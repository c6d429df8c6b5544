#include "daemon/cli/program.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "daemon/cli/demangle_style.h"
#include "daemon/sampling/event.h"

namespace pprofd {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kHighestPid = 4'194'304;                       // PID_MAX_LIMIT of 64-bit kernels
constexpr uint64_t kLongestRecording = uint64_t{168} * 3'600'000; // a week

constexpr std::array kFormats = {
    Choice{"pprof", "gzipped profile.proto, for go tool pprof and its kin"},
    Choice{"folded", "one line a stack, for flame graph tools"},
    Choice{"text", "tables to read"},
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
                         ".txt"},
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
  };
  return options;
}

constexpr std::array kReportOptions = {
    OptionSpec{.name = "tree",
               .group = "View",
               .help = "each function with its callers above it and its callees below it"},
    OptionSpec{.name = "folded",
               .group = "View",
               .help = "one line a stack, root first, for flame graph tools"},
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

std::span<const OptionSpec> symbolize_options() {
  static const std::array options = {
      OptionSpec{.name = "elf",
                 .short_name = 'e',
                 .type = OptionType::kPath,
                 .argument = "ELF",
                 .completion = Completion::kFile,
                 .group = "Input",
                 .help = "the program or library that the addresses are of"},
      demangle_option("Output"),
  };
  return options;
}

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
constexpr std::array kReportUsage = {"[OPTIONS] FILE..."sv};
constexpr std::array kInspectUsage = {"[OPTIONS] ELF"sv};
constexpr std::array kSymbolizeUsage = {"-e ELF [ADDRESS...]"sv};
constexpr std::array kDoctorUsage = {"[--json]"sv};
constexpr std::array kCompletionUsage = {"bash|zsh|fish"sv};

constexpr std::array kRecordNotes = {
    "Several targets add up: a process is recorded if any of them matches it. COMMAND is started "
    "as the user who called sudo; it and its children are recorded from the first instruction."sv,
    "A folder receives <pid>-<start time>.pb.gz per process and index.tsv. Files appear whole or "
    "not at all. A summary on standard error says how many samples were taken, written and "
    "dropped, and which functions are hot."sv,
    "The exit status of record -- COMMAND is that of COMMAND, 128 + signal if it was killed, and "
    "125 where pprofd itself failed."sv,
};
constexpr std::array kReportNotes = {
    "Files are pprof profiles of any program, gzipped or not; '-' is standard input. Several files "
    "are merged. Without an option for the view the hottest functions are listed."sv,
};
constexpr std::array kInspectNotes = {
    "Says what pprofd makes of a program or library: its build id, where symbols and unwind rows "
    "come from, how many there are, what they cost, what could not be used and why. The file is "
    "parsed in the same sandbox as while profiling; no privileges are needed."sv,
    "A row reads as in readelf --debug-dump=frames-interp: rsp+16; c-16, 16 bytes below the CFA; "
    "u, unchanged or undefined, and as return address: the outermost frame; a register's name; "
    "exp for an expression. It holds up to the next row; 'none' stands where a gap begins. Rows "
    "are those that the unwinder applies: where Go wrote the file, from Go's own tables."sv,
};
constexpr std::array kSymbolizeNotes = {
    "Answers virtual addresses of an ELF file, hexadecimal, as llvm-symbolizer prints them: "
    "function "
    "and file:line:column of each inlined call, the innermost first, then an empty line. Without "
    "an ADDRESS they are read from standard input, one a line, and each is answered as it comes."sv,
    "Debug information is taken from the file, or from where distributions keep it apart: "
    "/usr/lib/debug by build id or name, and beside the file. An address is where the instruction "
    "stands: of a return address give the one before."sv,
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
constexpr std::array kReportExamples = {
    Example{"pprofd report profile.pb.gz", "the hottest functions"},
    Example{"pprofd report --tree --focus parse profiles/*.pb.gz", "who calls the parser"},
    Example{"pprofd report --diff before.pb.gz after.pb.gz", "what changed"},
};
constexpr std::array kInspectExamples = {
    Example{"pprofd inspect /usr/bin/python3", "what is known of a program"},
    Example{"pprofd inspect --rows /lib/x86_64-linux-gnu/libc.so.6 | less", "how it is unwound"},
    Example{"pprofd inspect --symbols ./server | grep parse", "which names it has"},
};
constexpr std::array kSymbolizeExamples = {
    Example{"pprofd symbolize -e ./server 0x4011d6", "which function and line that is"},
    Example{"pprofd symbolize -e ./server < addresses.txt", "many of them"},
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
    Choice{"TERM", "'dumb' or unset: no progress line, no colours"},
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
      CommandSpec{.name = "report",
                  .summary = "read pprof files: top, tree, folded stacks, difference",
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
                  .summary = "functions and lines of addresses in an ELF file",
                  .usage = kSymbolizeUsage,
                  .notes = kSymbolizeNotes,
                  .options = symbolize_options(),
                  .operand = {.name = "ADDRESS",
                              .help = "a virtual address, hexadecimal",
                              .min = 0,
                              .max = SIZE_MAX},
                  .examples = kSymbolizeExamples},
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
