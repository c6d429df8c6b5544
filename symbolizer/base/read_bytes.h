// Reads from an open file at a place, whatever the system gives at a time.
#pragma once

#include <cstdint>
#include <string>

#include "symbolizer/base/result.h"

namespace pprofd {

// Up to `most` bytes from `offset` on; fewer only where the file ends. The file's position is not
// used. `what` is being done, for the error. Any thread.
Result<std::string> read_bytes(int fd, uint64_t offset, uint64_t most, const std::string& what);

} // namespace pprofd
