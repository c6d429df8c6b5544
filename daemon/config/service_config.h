// What `pprofd run` is configured to do, checked: flags before environment before file before
// defaults. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/cli/table/parser.h"
#include "daemon/config/listen_address.h"
#include "daemon/config/ship_config.h"
#include "daemon/config/trigger_config.h"
#include "daemon/debuginfod/choice.h"
#include "daemon/process/target_match.h"
#include "daemon/profile/key_values.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct HttpConfig {
  std::vector<ListenAddress> listen;
  std::vector<ListenAddress> metrics_listen;
  std::string tls_cert, tls_key, tls_client_ca; // files; empty: none
  std::string auth_basic_file, auth_token_file;

  [[nodiscard]] bool authenticates() const {
    return !tls_client_ca.empty() || !auth_basic_file.empty() || !auth_token_file.empty();
  }
};

struct ServiceConfig {
  std::string file; // read, or empty
  std::string text; // of the file

  unsigned frequency = 0; // Hz per CPU
  std::chrono::nanoseconds window{0};
  std::chrono::nanoseconds collect{0}; // at most `window`
  std::vector<std::string> include;    // as given; all make sense
  std::vector<std::string> exclude;
  KeyValues labels;

  uint64_t memory_limit = 0; // bytes
  double cpu_limit = 0;      // of one CPU, 1 is all of it

  IndexCacheChoice indexes;
  DebuginfodChoice debuginfod;

  std::string store_path;
  std::chrono::nanoseconds retention{0};
  uint64_t store_limit = 0; // bytes
  // Of profiles that triggers took, apart from the others.
  std::chrono::nanoseconds triggered_retention{0};
  uint64_t triggered_limit = 0; // bytes
  HttpConfig http;
  std::string spool_path;
  std::vector<ShipConfig> ship;
  TriggerConfig triggers;

  // Whether not every process is sampled.
  [[nodiscard]] bool filters() const { return !include.empty() || !exclude.empty(); }
  // Which processes are.
  [[nodiscard]] ProcessPredicate target() const;
};

// `arguments` of the command line (with its environment), to which the file is added. May be called
// again with the same arguments to read the file anew. An Error is wrong usage.
Result<ServiceConfig> load_service_config(Arguments arguments);

} // namespace pprofd
