#include "daemon/cli/record_options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "daemon/cli/debuginfod_options.h"
#include "daemon/cli/demangle_style.h"
#include "daemon/cli/index_cache_choice.h"
#include "daemon/cli/program.h"
#include "daemon/cli/table/suggest.h"
#include "daemon/cli/table/values.h"
#include "daemon/process/target_match.h"

namespace pprofd {
namespace {

constexpr std::array<std::string_view, 6> kSelectors = {"pid",    "comm", "exe",
                                                        "cgroup", "unit", "container"};

template <typename T> std::vector<T> distinct(const std::vector<T>& values) {
  std::vector<T> result;
  for (const T& value : values)
    if (std::ranges::find(result, value) == result.end())
      result.push_back(value);
  return result;
}

std::vector<std::string> texts(const Arguments& arguments, std::string_view name) {
  return distinct(arguments.all<std::string>(name));
}

// What no process can match is wrong usage.
Result<void> check_names(const Target& target) {
  const auto check = [](const std::vector<std::string>& names, auto match) -> Result<void> {
    for (const std::string& name : names)
      if (const Result<ProcessPredicate> matcher = match(name); !matcher)
        return std::unexpected(matcher.error());
    return {};
  };
  if (auto comms = check(target.comms, match_comm); !comms)
    return comms;
  if (auto units = check(target.units, match_unit); !units)
    return units;
  return check(target.containers, match_container);
}

// The first selector given, as the user writes it; empty: none.
std::string first_selector(const Arguments& arguments) {
  const auto given = std::ranges::find_if(
      kSelectors, [&](std::string_view name) { return arguments.given(name); });
  return given == kSelectors.end() ? "" : "--" + std::string(*given);
}

Result<void> check_targets(const Arguments& arguments) {
  const std::string selector = first_selector(arguments);
  const bool all = arguments.flag("all");
  const std::optional<std::vector<std::string>>& command = arguments.command();
  if (command && (command->empty() || command->front().empty()))
    return fail("--", "no COMMAND follows it", "write -- COMMAND [ARG...]");
  if (all && !selector.empty())
    return fail("--all and " + selector, "contradict each other",
                "leave --all out to record only what " + selector + " matches");
  if (command && (all || !selector.empty()))
    return fail((all ? "--all" : selector) + " and -- COMMAND", "contradict each other",
                "record the command, or what runs already");
  if (arguments.flag("as-root") && !command)
    return fail("--as-root", "there is no command to start", "write -- COMMAND [ARG...]");
  if (arguments.flag("children") && !command && selector.empty())
    return fail("--children", "every process is recorded anyway",
                "leave it out, or name a target such as -p PID");
  return {};
}

Result<void> check_output(const RecordOptions& options, const Arguments& arguments) {
  if (!options.kernel && !options.user)
    return fail("--no-kernel and --no-user", "no stacks are left to record", "leave one out");
  if (!options.raw)
    return {};
  for (const Format format : options.formats)
    if (format != Format::Pprof)
      return fail("--raw and --format " + std::string(format_name(format)),
                  "contradict each other: only pprof files carry bare addresses",
                  "leave --raw out");
  if (arguments.given("demangle"))
    return fail("--raw and --demangle", "contradict each other: raw profiles have no names",
                "leave one out");
  return {};
}

Target target_of(const Arguments& arguments) {
  Target target;
  for (const uint64_t pid : arguments.all<uint64_t>("pid"))
    target.pids.push_back(static_cast<pid_t>(pid));
  target.pids = distinct(target.pids);
  target.comms = texts(arguments, "comm");
  target.exes = texts(arguments, "exe");
  target.cgroups = texts(arguments, "cgroup");
  target.units = texts(arguments, "unit");
  target.containers = texts(arguments, "container");
  target.command = arguments.command().value_or(std::vector<std::string>());
  target.children = arguments.flag("children") || !target.command.empty();
  target.all = target.command.empty() && first_selector(arguments).empty();
  target.as_root = arguments.flag("as-root");
  return target;
}

Result<std::vector<Format>> make_formats(const Arguments& arguments) {
  std::vector<Format> formats;
  for (const std::string& name : distinct(arguments.all<std::string>("format"))) {
    const Result<Format> format = parse_format(name);
    if (!format)
      return std::unexpected(format.error());
    formats.push_back(*format);
  }
  return formats;
}

} // namespace

bool Target::is_one_process() const {
  return pids.size() == 1 && !children && comms.empty() && exes.empty() && cgroups.empty() &&
         units.empty() && containers.empty();
}

Result<Target> make_target(const Arguments& arguments) {
  if (auto targets = check_targets(arguments); !targets)
    return std::unexpected(targets.error());
  Target target = target_of(arguments);
  if (auto checked = check_names(target); !checked)
    return std::unexpected(checked.error());
  return target;
}

Result<RecordOptions> make_record_options(const Arguments& arguments) {
  auto target = make_target(arguments);
  if (!target)
    return std::unexpected(target.error());
  RecordOptions options;
  options.target = std::move(*target);
  options.frequency = static_cast<unsigned>(arguments.value<uint64_t>("frequency"));
  options.duration = arguments.get<std::chrono::nanoseconds>("duration");
  options.event = arguments.value<std::string>("event");
  options.output = arguments.get<std::string>("output").value_or("");
  options.merge = arguments.flag("merge");
  auto formats = make_formats(arguments);
  if (!formats)
    return std::unexpected(formats.error());
  options.formats = std::move(*formats);
  options.demangle = demangle_style(arguments.value<std::string>("demangle"));
  options.top = static_cast<unsigned>(arguments.value<uint64_t>("top"));
  options.kernel = arguments.flag("kernel");
  options.user = arguments.flag("user");
  options.raw = arguments.flag("raw");
  options.indexes = index_cache_choice(arguments);
  auto servers = debuginfod_choice(arguments, true);
  if (!servers)
    return std::unexpected(servers.error());
  options.debuginfod = std::move(*servers);
  if (auto checked = check_output(options, arguments); !checked)
    return std::unexpected(checked.error());
  if (auto output = output_target(options); !output)
    return std::unexpected(output.error());
  return options;
}

Result<RecordOptions> parse_record_options(const std::vector<std::string>& arguments) {
  const auto parsed = parse_arguments(program(), command_spec("record"), arguments);
  if (!parsed)
    return std::unexpected(parsed.error());
  return make_record_options(*parsed);
}

Result<void> check_kernel_frequency(unsigned hertz, const std::filesystem::path& limit_file) {
  uint64_t limit = 0;
  if (!(std::ifstream(limit_file) >> limit) || hertz <= limit)
    return {};
  return fail(
      "--frequency " + std::to_string(hertz),
      "too high, the kernel's limit is " + std::to_string(limit) + " Hz",
      "use at most " + std::to_string(limit) +
          ", or as root: sysctl kernel.perf_event_max_sample_rate=" + std::to_string(hertz));
}

Result<OutputTarget> output_target(const RecordOptions& options) {
  const Target& target = options.target;
  return choose_target({.path = options.output,
                        .one_process = !target.command.empty() || target.is_one_process(),
                        .merge = options.merge,
                        .formats = options.formats,
                        .stdout_is_terminal = isatty(STDOUT_FILENO) == 1});
}

} // namespace pprofd
