// A configuration file in TOML, read by the option table: an option's key is its place in the file
// (http.listen: `listen` in the table [http]), its type says what may stand there.
//
//   whole numbers and switches   frequency = 19, kernel = true
//   times, bytes, per cent       text as on the command line ("60s", "200MB", "2%"); times and
//   bytes
//                                also as numbers of seconds and bytes
//   lists                        ["a", "b"], or one value alone
//   tables of names and values   [labels] env = "production"
//
// An Error's `what` begins with FILE:LINE:COLUMN. Pure, apart from reading the file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/table/parser.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// The whole text; at most 1 MiB.
Result<std::string> read_config_text(const std::string& path);

// Fills in what the file says of options that are not given yet. `path` is for messages only.
Result<void> apply_config_text(std::string_view text, const std::string& path,
                               std::span<const OptionSpec> options, Arguments& arguments);

// One table of a list of tables ([[ship]]), which have options of their own: their keys are
// NAME.KEY.
struct ConfigTable {
  std::string where; // FILE:LINE:COLUMN: NAME
  Arguments said;    // without defaults
};

// The tables of that name, in their order. The text is one that apply_config_text() takes.
Result<std::vector<ConfigTable>> read_config_tables(std::string_view text, const std::string& path,
                                                    std::string_view name,
                                                    std::span<const OptionSpec> options);

} // namespace pprofd
