// Which service a process belongs to: the first of
//   1. the label `service` of the configuration;
//   2. the systemd unit, where it is a service: nginx.service -> nginx;
//   3. the container, by the first 12 digits of its id;
//   4. the base name of the executable; where it is not known, the process's name.
// Pure.
#pragma once

#include <string>

#include "daemon/process/process.h"
#include "daemon/profile/key_values.h"

namespace pprofd {

// `executable`: its path; empty: not known.
std::string service_name(const KeyValues& labels, const Process& process,
                         const std::string& executable);

} // namespace pprofd
