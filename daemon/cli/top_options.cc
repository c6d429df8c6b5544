#include "daemon/cli/top_options.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "daemon/cli/debuginfod_options.h"
#include "daemon/cli/demangle_style.h"
#include "daemon/cli/index_cache_choice.h"
#include "daemon/cli/table/values.h"

namespace pprofd {
namespace {

constexpr std::array<std::string_view, 3> kViewNames = {"functions", "processes", "threads"};

top::View view_named(std::string_view name) {
  return static_cast<top::View>(std::ranges::find(kViewNames, name) - kViewNames.begin());
}

Result<void> check_contradictions(const TopOptions& options, const Arguments& arguments) {
  if (!options.kernel && !options.user)
    return fail("--no-kernel and --no-user", "no stacks are left to show", "leave one out");
  if (options.window < options.interval)
    return fail("--window " + duration_text(options.window),
                "shorter than --interval, " + duration_text(options.interval),
                "what is shown is a sum of whole intervals");
  if (arguments.given("top") && !options.batch)
    return fail("--top", "the terminal's size says how many lines there are", "it is for --batch");
  return {};
}

} // namespace

Result<TopOptions> make_top_options(const Arguments& arguments) {
  auto target = make_target(arguments);
  if (!target)
    return std::unexpected(target.error());
  TopOptions options;
  options.target = std::move(*target);
  options.frequency = static_cast<unsigned>(arguments.value<uint64_t>("frequency"));
  options.event = arguments.value<std::string>("event");
  options.kernel = arguments.flag("kernel");
  options.user = arguments.flag("user");
  options.interval = arguments.value<std::chrono::nanoseconds>("interval");
  // A longer interval alone is not wrong.
  options.window = arguments.value<std::chrono::nanoseconds>("window");
  if (!arguments.given("window"))
    options.window = std::max(options.window, options.interval);
  options.batch = arguments.flag("batch");
  options.iterations = arguments.get<uint64_t>("iterations");
  options.rows = arguments.value<uint64_t>("top");
  options.view = view_named(arguments.value<std::string>("view"));
  options.order =
      arguments.value<std::string>("sort") == "total" ? top::Order::kTotal : top::Order::kSelf;
  options.filter = arguments.get<std::string>("filter").value_or("");
  options.long_names = arguments.flag("long");
  options.indexes = index_cache_choice(arguments);
  auto servers = debuginfod_choice(arguments, false);
  if (!servers)
    return std::unexpected(servers.error());
  options.debuginfod = std::move(*servers);
  options.demangle = demangle_style(arguments.value<std::string>("demangle"));
  if (auto checked = check_contradictions(options, arguments); !checked)
    return std::unexpected(checked.error());
  return options;
}

} // namespace pprofd
