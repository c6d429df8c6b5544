// --cache, of whichever command has it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "daemon/cli/table/option_table.h"
#include "daemon/cli/table/parser.h"
#include "daemon/symbols/index_cache.h"

namespace pprofd {

// `key` in the configuration, if it has one.
constexpr OptionSpec cache_option(std::string_view group, std::string_view key = {}) {
  return {.name = "cache",
          .type = OptionType::kPath,
          .argument = "DIR",
          .default_text = "/var/cache/pprofd",
          .completion = Completion::kFolder,
          .group = group,
          .help = "where indexes of files are kept, which give names the next time; none: nowhere",
          .key = key};
}

// "none" is no folder; one that is given has to be usable.
inline IndexCacheChoice index_cache_choice(const Arguments& arguments) {
  auto folder = arguments.value<std::string>("cache");
  if (folder == "none")
    return {};
  return {.folder = std::move(folder), .needed = arguments.given("cache")};
}

} // namespace pprofd
