// The option table's types. One entry says everything about an option: how it is written, what it
// takes, its range and default, what it is for. The parser, --help, the manual page and the shells'
// completions are all made from it, so none of them can miss an option. Tables are constant data;
// the program's own is in program.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pprofd {

enum class OptionType {
  kFlag,     // --name
  kSwitch,   // --name and --no-name
  kUnsigned, // decimal, within [min, max]
  kDuration, // 10, 10s, 1500ms, 2m, 1h, 7d; within [min, max] milliseconds
  kBytes,    // 200MB, 64MiB; within [min, max] bytes
  kPercent,  // 2%, 0.5%; within [min, max] hundredths of one per cent
  kText,     // not empty
  kPath,     // not empty
  kChoice,   // one of `choices`
};

// What a shell offers as the value of an option or operand, beyond the choices.
enum class Completion { kNone, kFile, kFolder, kPid, kProcessName, kUnit };

struct Choice {
  std::string_view name;
  std::string_view help;
};

// Members that may be left out say so by {}: GCC warns of the others.
// NOLINTBEGIN(readability-redundant-member-init)
struct OptionSpec {
  std::string_view name; // "frequency": --frequency
  char short_name = 0;   // 'F': -F; 0: none
  OptionType type = OptionType::kFlag;
  std::string_view argument = {}; // how help names the value: "HZ"
  std::string_view unit = {};     // of a bare number: "Hz", "s"
  uint64_t min = 0;               // in the type's unit, as above
  uint64_t max = UINT64_MAX;
  std::string_view default_text = {}; // as a user would write it; empty: none
  std::span<const Choice> choices = {};
  bool repeatable = false; // may be given several times, all values count
  bool comma_list = false; // one value may be several, separated by commas
  bool table = false;      // kText: each value is NAME=VALUE; in a file, a table of its own
  Completion completion = Completion::kNone;
  std::string_view group = {}; // heading in help
  std::string_view help = {};  // one sentence without a full stop
  // The service's settings: the TOML key, "http.listen". The environment variable follows from it
  // (PPROFD_HTTP_LISTEN) and is read where the option is not on the command line; the key itself is
  // looked for where neither gives the option (daemon/config). Empty: a flag only.
  std::string_view key = {};
};

struct OperandSpec {
  std::string_view name; // "FILE"; empty: the command takes no operands
  std::string_view help = {};
  size_t min = 0;
  size_t max = 0;
  std::span<const Choice> choices = {};
  Completion completion = Completion::kNone;
};

struct Example {
  std::string_view command;
  std::string_view help;
};

struct CommandSpec {
  std::string_view name;
  std::string_view summary = {};                // one line
  std::span<const std::string_view> usage = {}; // what follows "pprofd NAME", one per form
  std::span<const std::string_view> notes = {}; // paragraphs after the options
  std::span<const OptionSpec> options = {};
  OperandSpec operand = {};
  bool takes_command = false; // everything after `--` is a command to start
  std::span<const Example> examples = {};
};

struct ProgramSpec {
  std::string_view name;
  std::string_view version;
  std::string_view summary;
  std::string_view description;
  std::span<const OptionSpec> options;     // of the program and of every command: --help
  std::span<const OptionSpec> top_options; // of the program alone: --version
  std::span<const CommandSpec> commands;
  std::span<const Choice> exit_status;
  std::span<const Choice> environment;
};

// NOLINTEND(readability-redundant-member-init)

// nullptr if there is none of that name.
const CommandSpec* find_command(const ProgramSpec& program, std::string_view name);
const OptionSpec* find_option(std::span<const OptionSpec> options, std::string_view name);

// Whether the option is followed by a value.
bool takes_value(const OptionSpec& option);
// "PPROFD_HTTP_LISTEN" for the key "http.listen"; empty without a key.
std::string environment_name(const OptionSpec& option);
// "1…5000", "1 ms…7 days"; empty where everything is allowed.
std::string range_text(const OptionSpec& option);
// "-F, --frequency HZ", "--kernel, --no-kernel", "-p, --pid PID[,PID...]".
std::string option_heading(const OptionSpec& option);

} // namespace pprofd
