// --debuginfod and --debuginfod-wait, of whichever command has them.
#pragma once

#include <chrono>
#include <string_view>
#include <utility>

#include "daemon/cli/table/option_table.h"
#include "daemon/cli/table/parser.h"
#include "daemon/debuginfod/addresses.h"
#include "daemon/debuginfod/choice.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// `key` in the configuration, if it has one.
constexpr OptionSpec debuginfod_option(std::string_view group, std::string_view key = {}) {
  return {.name = "debuginfod",
          .type = OptionType::kText,
          .argument = "URL",
          .repeatable = true,
          .comma_list = true,
          .group = group,
          .help = "debuginfod servers, asked by build id, one after the other, for debug "
                  "information that is not on this machine",
          .key = key};
}

constexpr OptionSpec debuginfod_wait_option(std::string_view group) {
  return {.name = "debuginfod-wait",
          .type = OptionType::kDuration,
          .argument = "TIME",
          .unit = "s",
          .min = 1,
          .max = 600'000,
          .default_text = "30s",
          .group = group,
          .help = "how long to wait for servers that do not answer"};
}

// `waits`: whether the command has the second option.
inline Result<DebuginfodChoice> debuginfod_choice(const Arguments& arguments, bool waits) {
  auto servers =
      parse_debug_servers(arguments.all<std::string>("debuginfod"), arguments.origin("debuginfod"));
  if (!servers)
    return std::unexpected(servers.error());
  DebuginfodChoice choice{.servers = std::move(*servers)};
  if (waits)
    choice.patience = std::chrono::duration_cast<std::chrono::milliseconds>(
        arguments.value<std::chrono::nanoseconds>("debuginfod-wait"));
  return choice;
}

} // namespace pprofd
