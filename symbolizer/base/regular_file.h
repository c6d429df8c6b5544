// Opens a file that the user has named, for reading, whatever it may be: neither waits for a FIFO
// nor takes a terminal, and only a regular file is opened.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct RegularFile {
  Fd fd;
  uint64_t size = 0;    // bytes
  int64_t modified = 0; // ns since 1970
  uid_t uid = 0;        // its owner
  gid_t gid = 0;
};

// `what` is being done, for the error: "inspect ./server". Any thread.
Result<RegularFile> open_regular_file(const std::string& path, const std::string& what);

} // namespace pprofd
