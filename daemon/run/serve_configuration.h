// What of the service's configuration the process that faces the network is told. Files that only
// the daemon may read are read here, and their contents sent.
#pragma once

#include "daemon/config/service_config.h"
#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Errors: a file of certificates, users or tokens can't be read.
Result<serve::Configuration> make_serve_configuration(const ServiceConfig& config);

} // namespace pprofd
