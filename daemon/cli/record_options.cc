#include "daemon/cli/record_options.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "daemon/cli/program.h"
#include "daemon/cli/table/suggest.h"
#include "daemon/cli/table/values.h"

namespace pprofd {
namespace {

using symbolizer::DemangleStyle;

struct FormatEntry {
  OutputFormat format;
  std::string_view name;
  std::string_view ending;
};
constexpr std::array kFormatEntries = {
    FormatEntry{OutputFormat::kPprof, "pprof", ".pb.gz"},
    FormatEntry{OutputFormat::kFolded, "folded", ".folded"},
    FormatEntry{OutputFormat::kText, "text", ".txt"},
};

constexpr std::array<std::pair<std::string_view, DemangleStyle>, 4> kStyles = {{
    {"full", DemangleStyle::kFull},
    {"templates", DemangleStyle::kTemplates},
    {"simple", DemangleStyle::kSimple},
    {"none", DemangleStyle::kNone},
}};

constexpr std::array<std::string_view, 6> kSelectors = {"pid",    "comm", "exe",
                                                        "cgroup", "unit", "container"};

const FormatEntry& entry_of(OutputFormat format) {
  return *std::ranges::find(kFormatEntries, format, &FormatEntry::format);
}

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

// systemctl's rule: a name without a unit's suffix is a service.
std::string unit_name(const std::string& name) {
  constexpr std::array<std::string_view, 11> kSuffixes = {
      ".service", ".scope",  ".slice", ".socket",    ".timer", ".mount",
      ".swap",    ".target", ".path",  ".automount", ".device"};
  const bool whole =
      std::ranges::any_of(kSuffixes, [&](std::string_view s) { return name.ends_with(s); });
  return whole ? name : name + ".service";
}

Result<void> check_names(const Target& target) {
  constexpr size_t kLongestComm = 15; // TASK_COMM_LEN - 1
  for (const std::string& comm : target.comms)
    if (comm.size() > kLongestComm)
      return fail("--comm " + in_quotes(comm), "the kernel keeps 15 bytes of a name",
                  "use --comm " + in_quotes(comm.substr(0, kLongestComm)) + " or --exe");
  for (const std::string& id : target.containers)
    if (id.contains('/'))
      return fail("--container " + in_quotes(id), "not a container id", "use --cgroup for a path");
  return {};
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
  const bool command = arguments.command().has_value();
  if (command && (arguments.command()->empty() || arguments.command()->front().empty()))
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
  if (options.output == "-" && options.formats.size() > 1)
    return fail("--output -", "several formats don't go into one stream",
                "give one --format, or a file or folder as the output");
  if (!options.raw)
    return {};
  for (const OutputFormat format : options.formats)
    if (format != OutputFormat::kPprof)
      return fail("--raw and --format " + std::string(format_name(format)),
                  "contradict each other: only pprof files carry bare addresses",
                  "leave --raw out");
  if (arguments.given("demangle"))
    return fail("--raw and --demangle", "contradict each other: raw profiles have no names",
                "leave one out");
  return {};
}

Target make_target(const Arguments& arguments) {
  Target target;
  for (const uint64_t pid : arguments.all<uint64_t>("pid"))
    target.pids.push_back(static_cast<pid_t>(pid));
  target.pids = distinct(target.pids);
  target.comms = texts(arguments, "comm");
  for (const std::string& path : texts(arguments, "exe"))
    target.exes.push_back(std::filesystem::absolute(path).lexically_normal().string());
  target.cgroups = texts(arguments, "cgroup");
  for (const std::string& unit : texts(arguments, "unit"))
    target.units.push_back(unit_name(unit));
  target.containers = texts(arguments, "container");
  target.command = arguments.command().value_or(std::vector<std::string>());
  target.children = arguments.flag("children") || !target.command.empty();
  target.all = target.command.empty() && first_selector(arguments).empty();
  target.as_root = arguments.flag("as-root");
  return target;
}

std::vector<OutputFormat> make_formats(const Arguments& arguments) {
  std::vector<OutputFormat> formats;
  for (const std::string& name : arguments.all<std::string>("format"))
    formats.push_back(std::ranges::find(kFormatEntries, name, &FormatEntry::name)->format);
  return distinct(formats);
}

bool is_one_running_process(const Target& target) {
  return target.pids.size() == 1 && !target.children && target.comms.empty() &&
         target.exes.empty() && target.cgroups.empty() && target.units.empty() &&
         target.containers.empty();
}

OutputPlace default_place(const RecordOptions& options) {
  const bool one_file =
      options.merge || !options.target.command.empty() || is_one_running_process(options.target);
  if (one_file)
    return {OutputPlace::Kind::kFile, "profile"};
  return {OutputPlace::Kind::kFolder, "profiles"};
}

} // namespace

std::string_view format_name(OutputFormat format) {
  return entry_of(format).name;
}

std::string_view format_ending(OutputFormat format) {
  return entry_of(format).ending;
}

Result<RecordOptions> make_record_options(const Arguments& arguments) {
  if (auto targets = check_targets(arguments); !targets)
    return std::unexpected(targets.error());
  RecordOptions options;
  options.target = make_target(arguments);
  options.frequency = static_cast<unsigned>(*arguments.get<uint64_t>("frequency"));
  options.duration = arguments.get<std::chrono::nanoseconds>("duration");
  options.event = *arguments.get<std::string>("event");
  options.output = arguments.get<std::string>("output").value_or("");
  options.merge = arguments.flag("merge");
  options.formats = make_formats(arguments);
  options.demangle =
      std::ranges::find(kStyles, *arguments.get<std::string>("demangle"), [](const auto& style) {
        return style.first;
      })->second;
  options.top = static_cast<unsigned>(*arguments.get<uint64_t>("top"));
  options.kernel = arguments.flag("kernel");
  options.user = arguments.flag("user");
  options.raw = arguments.flag("raw");
  if (auto checked = check_names(options.target); !checked)
    return std::unexpected(checked.error());
  if (auto checked = check_output(options, arguments); !checked)
    return std::unexpected(checked.error());
  if (auto place = place_output(options); !place)
    return std::unexpected(place.error());
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

Result<OutputPlace> place_output(const RecordOptions& options) {
  const std::string& name = options.output;
  std::error_code ignored;
  if (name.empty())
    return default_place(options);
  if (name == "-")
    return OutputPlace{OutputPlace::Kind::kStdout, {}};
  if (name.ends_with('/') || std::filesystem::is_directory(name, ignored))
    return OutputPlace{OutputPlace::Kind::kFolder, name};

  std::vector<std::string_view> endings = {format_ending(OutputFormat::kPprof)};
  for (const OutputFormat format : options.formats)
    endings.push_back(format_ending(format));
  for (const std::string_view ending : endings) {
    if (!name.ends_with(ending))
      continue;
    const std::filesystem::path stem = name.substr(0, name.size() - ending.size());
    if (stem.filename().empty())
      return fail("--output " + in_quotes(name), "there is no name before the ending",
                  "write a name such as profile" + std::string(ending));
    return OutputPlace{OutputPlace::Kind::kFile, stem};
  }
  return fail("--output " + in_quotes(name),
              "neither a folder nor a name ending in " + or_list(distinct(endings)),
              "add " + std::string(format_ending(options.formats.front())) +
                  " for one file, or '/' for a folder");
}

} // namespace pprofd
