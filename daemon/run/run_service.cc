#include "daemon/run/run_service.h"

#include "daemon/run/service.h"

namespace pprofd {

Result<void> run_service(const Arguments& arguments, const ServiceConfig& config) {
  Log log;
  auto service = Service::create(arguments, config, log);
  if (!service)
    return std::unexpected(service.error());
  return (*service)->run();
}

} // namespace pprofd
