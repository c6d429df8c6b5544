// Sockets that listen, opened with the daemon's privileges and handed to the process that faces the
// network.
#pragma once

#include "daemon/config/listen_address.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// A socket in a file is made for root and the service's own group (mode 0660); the folder is made
// where it is missing; what a service that was killed left there is replaced. Errors: somebody
// listens there already, no right to.
Result<Fd> open_listener(const ListenAddress& address);

} // namespace pprofd
