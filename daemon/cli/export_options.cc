#include "daemon/cli/export_options.h"

#include <algorithm>

namespace pprofd {

Result<ExportOptions> make_export_options(const Arguments& arguments) {
  ExportOptions options;
  options.files = arguments.operands();
  if (std::ranges::find(options.files, "") != options.files.end())
    return fail("argument ''", "the name of a FILE is empty");
  if (std::ranges::count(options.files, "-") > 1)
    return fail("'-'", "standard input can be read only once", "name files for the others");
  options.output = arguments.value<std::string>("output");
  if (options.output.ends_with('/'))
    return fail("--output " + options.output, "all rows go to one file",
                "give its name, such as " + options.output + "rows.jsonl.zst");
  options.sample_type = arguments.get<std::string>("sample").value_or("");
  return options;
}

} // namespace pprofd
