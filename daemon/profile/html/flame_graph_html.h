// A flame graph as one HTML file that works without a network: the page's own renderer with the
// data inside. Names in it come from anybody's programs: the data stands in a block that no browser
// runs, and nothing in it can end that block.
#pragma once

#include <string>
#include <string_view>

#include "daemon/profile/flamegraph/flame_graph.h"

namespace pprofd {

// `title`: what the file is of, for the heading. Errors: the program was built without the page.
Result<std::string> flame_graph_html(const FlameGraph& graph, std::string_view title);

// Of one profile's default value.
Result<std::string> profile_html(const perftools::profiles::Profile& profile);

// Whether this program can make such files at all.
Result<void> check_html();

// What a profile is of: "nginx (1234), 2026-11-22 04:05:06 UTC, 10 s".
std::string profile_title(const perftools::profiles::Profile& profile);

// The same of a flame graph's JSON (flamegraph/json.h) and with the page's template given: it has
// kTitleGap and kDataGap once each.
std::string fill_template(std::string_view html_template, std::string_view title,
                          std::string_view json);

inline constexpr std::string_view kTitleGap = "@PPROFD-TITLE@";
inline constexpr std::string_view kDataGap = "@PPROFD-DATA@";

} // namespace pprofd
