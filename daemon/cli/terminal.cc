#include "daemon/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace pprofd {

bool is_terminal(int fd) {
  const char* type = std::getenv("TERM");
  return ::isatty(fd) == 1 && type != nullptr && std::string_view(type) != "dumb";
}

bool use_colour(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  return is_terminal(fd) && (refused == nullptr || *refused == 0);
}

unsigned terminal_width(int fd) {
  constexpr unsigned kUnknown = 80;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return kUnknown;
  return size.ws_col;
}

} // namespace pprofd
