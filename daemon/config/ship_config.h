// Where profiles are shipped to: the tables [[ship]] of the service's configuration, checked. Plain
// values.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/table/option_table.h"
#include "daemon/profile/key_values.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct ShipConfig {
  std::string where; // in the file, to begin a message with
  std::string type;
  std::string name; // no two have the same
  std::string url;  // without a slash at its end; of a file target: the folder
  KeyValues labels; // name there, name here; empty: those that make sense
  std::vector<std::string> include, exclude;         // KEY:GLOB
  std::string tls_ca, tls_cert, tls_key, token_file; // files; empty: none
  // Of type s3 alone; the prefix without slashes around it.
  std::string bucket, region, prefix, credentials_file;
  KeyValues headers;
  bool compress = true;
  bool zstd = false;       // how, if so: else by gzip
  bool rows = false;       // of types s3 and file: rows, not pprof
  uint64_t spool_size = 0; // bytes
  uint64_t batch_profiles = 0;
  uint64_t batch_size = 0; // bytes
  std::chrono::nanoseconds batch_wait{0};
  uint64_t rate = 0; // bytes a second; 0: no limit
  std::chrono::nanoseconds timeout{0};
};

// The keys of such a table.
std::span<const OptionSpec> ship_options();

// Errors: what is wrong, with file, line and what to write instead.
Result<std::vector<ShipConfig>> read_ship_config(std::string_view text, const std::string& path);

} // namespace pprofd
