// Addresses of debuginfod servers, and of what they have. Pure.
// Source: debuginfod(8), "Webapi".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/result.h"

namespace pprofd {

inline constexpr size_t kMostDebugServers = 16;

// Whether this may be a build id, as text: 4 to 32 bytes, lower-case hex. Nothing else goes into an
// address.
bool is_build_id(std::string_view text);

// The servers that `texts` name, each one address or several with spaces between them, as
// DEBUGINFOD_URLS has them; without slashes at their ends, each once. `option`: how it was given,
// for errors: what is no http or https address, or more than that.
Result<std::vector<std::string>> parse_debug_servers(const std::vector<std::string>& texts,
                                                     const std::string& option);

// Where a server has the debug information of a file. `build_id`: one.
std::string debug_address(const std::string& server, const std::string& build_id);

} // namespace pprofd
