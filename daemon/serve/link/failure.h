// An Error on its way to the daemon.
#pragma once

#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

Failure failure_of(const Error& error);

} // namespace pprofd::serve
