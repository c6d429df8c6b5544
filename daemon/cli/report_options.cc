#include "daemon/cli/report_options.h"

#include <algorithm>

#include "daemon/cli/program.h"

namespace pprofd {
namespace {

Result<void> check_views(const Arguments& arguments) {
  std::string first;
  for (const char* view : {"tree", "folded", "source", "diff"}) {
    if (!arguments.given(view))
      continue;
    if (!first.empty())
      return fail(first + " and --" + view, "contradict each other", "give one of them");
    first = std::string("--") + view;
  }
  if (arguments.flag("folded") && arguments.given("top"))
    return fail("--folded and --top", "contradict each other: folded stacks are always complete",
                "leave --top out");
  if (arguments.given("source") && arguments.given("top"))
    return fail("--source and --top", "contradict each other: all functions that match are shown",
                "leave --top out, or narrow the expression");
  for (const char* view : {"folded", "source", "diff"})
    if (arguments.flag("lines") && arguments.given(view))
      return fail(std::string("--lines and --") + view, "contradict each other",
                  "give --lines alone, or with --tree");
  if (!arguments.given("html"))
    return {};
  for (const char* other : {"tree", "folded", "source", "lines", "top", "long"})
    if (arguments.given(other))
      return fail(std::string("--html and --") + other,
                  "contradict each other: a flame graph has everything", "give one of them");
  if (arguments.get<std::string>("html") == "")
    return fail("--html", "the name of the file is empty");
  return {};
}

Result<void> check_standard_input(const Arguments& arguments) {
  const bool base = arguments.get<std::string>("diff") == "-";
  const auto uses = std::ranges::count(arguments.operands(), "-") + (base ? 1 : 0);
  if (uses > 1)
    return fail("'-'", "standard input can be read only once", "name files for the others");
  return {};
}

} // namespace

Result<ReportOptions> make_report_options(const Arguments& arguments) {
  if (auto checked = check_views(arguments); !checked)
    return std::unexpected(checked.error());
  if (auto checked = check_standard_input(arguments); !checked)
    return std::unexpected(checked.error());
  for (const std::string& file : arguments.operands())
    if (file.empty())
      return fail("argument ''", "the name of a FILE is empty");
  ReportOptions options;
  options.files = arguments.operands();
  if (arguments.flag("tree"))
    options.view = ReportView::kTree;
  else if (arguments.flag("folded"))
    options.view = ReportView::kFolded;
  else if (arguments.given("source"))
    options.view = ReportView::kSource;
  else if (arguments.given("html"))
    options.view = ReportView::kHtml;
  options.lines = arguments.flag("lines");
  options.source = arguments.get<std::string>("source").value_or("");
  options.html_file = arguments.get<std::string>("html").value_or("");
  options.diff_base = arguments.get<std::string>("diff").value_or("");
  options.top = arguments.value<uint64_t>("top");
  options.focus = arguments.get<std::string>("focus").value_or("");
  options.ignore = arguments.get<std::string>("ignore").value_or("");
  options.sample_type = arguments.get<std::string>("sample").value_or("");
  options.long_names = arguments.flag("long");
  return options;
}

Result<ReportOptions> parse_report_options(const std::vector<std::string>& arguments) {
  const auto parsed = parse_arguments(program(), command_spec("report"), arguments);
  if (!parsed)
    return std::unexpected(parsed.error());
  return make_report_options(*parsed);
}

} // namespace pprofd
