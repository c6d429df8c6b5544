#include "daemon/top/top_command.h"

#include <unistd.h>

#include "daemon/cli/message.h"
#include "daemon/cli/terminal.h"
#include "daemon/top/session.h"
#include "daemon/top/text/terminal_text.h"

namespace pprofd {

namespace {

constexpr const char* kHint = "pprofd top --batch prints plain text; pprofd record writes profiles";

Result<void> check_terminal() {
  for (const auto& [fd, name] :
       {std::pair(STDOUT_FILENO, "output"), std::pair(STDIN_FILENO, "input")}) {
    if (::isatty(fd) != 1)
      return fail("top", std::string("standard ") + name + " is not a terminal", kHint);
  }
  if (!is_terminal(STDOUT_FILENO))
    return fail("top", "the terminal's cursor can't be moved: TERM is dumb or not set", kHint);
  return {};
}

} // namespace

int run_top(const TopOptions& options) {
  if (!options.batch) {
    if (const auto able = check_terminal(); !able) {
      print_error(able.error());
      return kExitUsage;
    }
  }
  const bool utf8 = top::use_utf8_locale();
  const Result<void> done =
      options.batch ? top::run_in_batch(options) : top::run_on_terminal(options, utf8);
  if (done)
    return kExitDone;
  print_error(done.error());
  return kExitFailed;
}

} // namespace pprofd
