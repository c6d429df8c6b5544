// pprofd: the command line, wired to what it starts.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/command_line.h"
#include "daemon/cli/export_options.h"
#include "daemon/cli/generate/completion.h"
#include "daemon/cli/generate/help.h"
#include "daemon/cli/generate/man_page.h"
#include "daemon/cli/inspect_options.h"
#include "daemon/cli/message.h"
#include "daemon/cli/program.h"
#include "daemon/cli/record_command.h"
#include "daemon/cli/report_options.h"
#include "daemon/cli/symbolize_options.h"
#include "daemon/cli/terminal.h"
#include "daemon/cli/top_options.h"
#include "daemon/config/service_config.h"
#include "daemon/debuginfod/process/fetch_main.h"
#include "daemon/doctor/report.h"
#include "daemon/export/export.h"
#include "daemon/inspect/inspect.h"
#include "daemon/report/report.h"
#include "daemon/run/profile_process.h"
#include "daemon/run/run_service.h"
#include "daemon/serve/process/serve_main.h"
#include "daemon/ship/process/ship_main.h"
#include "daemon/symbolize/symbolize.h"
#include "daemon/symbolize/symbolize_files.h"
#include "daemon/top/top_command.h"
#include "symbolizer/worker/worker_main.h"

namespace pprofd {
namespace {

int usage_error(const Error& error) {
  print_error(error);
  return kExitUsage;
}

int finish(const Result<void>& done) {
  if (done)
    return kExitDone;
  print_error(done.error());
  return kExitFailed;
}

int run_record_command(const Arguments& arguments) {
  const auto options = make_record_options(arguments);
  if (!options)
    return usage_error(options.error());
  if (const auto allowed = check_kernel_frequency(options->frequency); !allowed)
    return usage_error(allowed.error());
  return run_record(*options);
}

int run_top_command(const Arguments& arguments) {
  const auto options = make_top_options(arguments);
  if (!options)
    return usage_error(options.error());
  if (const auto allowed = check_kernel_frequency(options->frequency); !allowed)
    return usage_error(allowed.error());
  return run_top(*options);
}

int run_service_command(const Arguments& arguments) {
  const auto config = load_service_config(arguments);
  if (!config)
    return usage_error(config.error());
  if (const auto allowed = check_kernel_frequency(config->frequency); !allowed)
    return usage_error(allowed.error());
  if (arguments.flag("check"))
    return finish(print_data(config->file.empty() ? "the defaults are right\n"
                                                  : config->file + " is right\n"));
  return finish(run_service(arguments, *config));
}

int run_report_command(const Arguments& arguments) {
  const auto options = make_report_options(arguments);
  if (!options)
    return usage_error(options.error());
  if (const auto done = report(*options, std::cout); !done)
    return finish(done);
  if (!std::cout.flush())
    return finish(fail("write to standard output", "the report did not arrive whole"));
  return kExitDone;
}

int run_inspect_command(const Arguments& arguments) {
  const auto options = make_inspect_options(arguments);
  if (!options)
    return usage_error(options.error());
  symbolizer::WorkerClient worker(inspection_worker());
  return finish(inspect(*options, worker, print_data));
}

int run_symbolize_files(const Arguments& arguments) {
  const auto options = make_symbolize_files_options(arguments);
  if (!options)
    return usage_error(options.error());
  const SymbolizeNotices notices{.say = [](const std::string& line) { std::cerr << line << '\n'; },
                                 .warn = print_warning};
  return finish(symbolize_files(*options, print_data, notices));
}

int run_symbolize_command(const Arguments& arguments) {
  if (!asks_addresses(arguments))
    return run_symbolize_files(arguments);
  const auto options = make_symbolize_options(arguments);
  if (!options)
    return usage_error(options.error());
  return finish(symbolize(*options, lines_of(STDIN_FILENO), print_data, print_warning));
}

int run_export_command(const Arguments& arguments) {
  const auto options = make_export_options(arguments);
  if (!options)
    return usage_error(options.error());
  const ExportNotices notices{.say = [](const std::string& line) { std::cerr << line << '\n'; },
                              .warn = print_warning};
  return finish(export_profiles(*options, print_data, notices));
}

int run_doctor_command(const Arguments& arguments) {
  const std::vector<Probe> probes = run_probes({});
  const std::string text = arguments.flag("json") ? doctor_json(probes, program().version)
                                                  : doctor_text(probes, use_colour(STDOUT_FILENO));
  if (const auto done = print_data(text); !done)
    return finish(done);
  if (recording_possible(probes))
    return kExitDone;
  print_error(explain_start_failure({}, {"record", "a probe failed", ""}));
  return kExitFailed;
}

int run_completion_command(const Arguments& arguments) {
  const std::string& shell = arguments.operands().front();
  if (shell == "bash")
    return finish(print_data(bash_completion(program())));
  if (shell == "zsh")
    return finish(print_data(zsh_completion(program())));
  return finish(print_data(fish_completion(program())));
}

struct Runner {
  std::string_view command;
  int (*run)(const Arguments&);
};
constexpr std::array kRunners = {
    Runner{"record", run_record_command},         Runner{"top", run_top_command},
    Runner{"run", run_service_command},           Runner{"report", run_report_command},
    Runner{"inspect", run_inspect_command},       Runner{"symbolize", run_symbolize_command},
    Runner{"export", run_export_command},         Runner{"doctor", run_doctor_command},
    Runner{"completion", run_completion_command},
};

std::string help_text(const CommandSpec* command) {
  return command == nullptr ? program_help(program()) : command_help(program(), *command);
}

// Words that no help shows: the program's other processes, and the manual page for the build, with
// the date it shall bear.
constexpr std::string_view kManualPage = "__man";

int run(const std::vector<std::string>& words) {
  if (!words.empty() && words.front() == symbolizer::kWorkerArgument)
    return symbolizer::worker_main(symbolizer::kWorkerSocket);
  if (!words.empty() && words.front() == serve::kServeArgument)
    return serve::serve_main(std::string(program().version));
  if (!words.empty() && words.front() == ship::kShipArgument)
    return ship::ship_main();
  if (!words.empty() && words.front() == kFetchArgument)
    return fetch_main();
  if (!words.empty() && words.front() == kProfileArgument)
    return profile_main();
  if (words.size() == 2 && words.front() == kManualPage)
    return finish(print_data(man_page(program(), words.back())));

  const auto line = parse_command_line(program(), words);
  if (!line)
    return usage_error(line.error());
  if (line->wish == CommandLine::Wish::kVersion)
    return finish(print_data("pprofd " + std::string(program().version) + "\n"));
  if (line->wish == CommandLine::Wish::kHelp)
    return finish(print_data(help_text(line->command)));
  const auto runner = std::ranges::find(kRunners, line->command->name, &Runner::command);
  if (runner == kRunners.end())
    throw std::logic_error("nothing runs the command " + std::string(line->command->name));
  return runner->run(line->arguments);
}

} // namespace
} // namespace pprofd

int main(int argc, char** argv) {
  try {
    return pprofd::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    pprofd::print_error({"internal error", error.what(), ""});
    return pprofd::kExitFailed;
  }
}
