// The styles of readable names, as --demangle has them.
#pragma once

#include <string_view>

#include "daemon/cli/table/option_table.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// `group`: its heading in help.
OptionSpec demangle_option(std::string_view group);

// `name` is one of the option's choices.
symbolizer::DemangleStyle demangle_style(std::string_view name);

} // namespace pprofd
