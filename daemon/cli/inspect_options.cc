#include "daemon/cli/inspect_options.h"

namespace pprofd {

Result<InspectOptions> make_inspect_options(const Arguments& arguments) {
  const std::string& file = arguments.operands().front();
  if (file.empty())
    return fail("argument ''", "the name of the ELF file is empty",
                "name a program or library, such as /bin/sh");
  return InspectOptions{
      .file = file, .rows = arguments.flag("rows"), .symbols = arguments.flag("symbols")};
}

} // namespace pprofd
