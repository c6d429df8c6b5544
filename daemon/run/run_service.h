// `pprofd run`.
#pragma once

#include "daemon/config/service_config.h"

namespace pprofd {

// Runs the service until it is asked to stop. `arguments`: of the command line, for reloading.
Result<void> run_service(const Arguments& arguments, const ServiceConfig& config);

} // namespace pprofd
