// Writes all of some bytes to an open file, whatever the system takes at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace pprofd {

// At the file's position, or where the stream is. 0, or the errno of the write that failed; what
// was written before it stays. Any thread.
[[nodiscard]] int write_bytes(int fd, std::string_view bytes);
// From `offset` on; the file's position is not used.
[[nodiscard]] int write_bytes(int fd, std::string_view bytes, uint64_t offset);

} // namespace pprofd
