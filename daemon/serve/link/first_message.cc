#include "daemon/serve/link/first_message.h"

#include <poll.h>

namespace pprofd::serve {
namespace {

constexpr int kPatienceMilliseconds = 30'000;

} // namespace

Result<void> receive_first(Link& link, google::protobuf::MessageLite& message) {
  for (;;) {
    const auto got = link.next(message);
    if (!got)
      return std::unexpected(got.error());
    if (*got)
      return {};
    pollfd entry{.fd = link.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, kPatienceMilliseconds) == 0)
      return fail("start", "the daemon sent no configuration");
    const auto open = link.fill();
    if (!open || !*open)
      return fail("start", "the daemon has gone");
  }
}

} // namespace pprofd::serve
