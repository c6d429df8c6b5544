// How a process begins that the daemon has started with a link: by the daemon's first message.
#pragma once

#include <google/protobuf/message_lite.h>

#include "daemon/serve/link/link.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

// Waits for it, half a minute at most; nothing else may be going on. Errors: none came, the daemon
// has gone, what came is no message.
Result<void> receive_first(Link& link, google::protobuf::MessageLite& message);

} // namespace pprofd::serve
