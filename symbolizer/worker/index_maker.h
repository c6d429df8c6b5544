// Makes the index of a file (symbolizer/index) from all that the worker knows of it, so that the
// index answers as a NameFinder does. One pass over the debug information, a unit at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/worker/file_cache.h"

namespace pprofd::symbolizer {

// The index's size, from the start of `room` on. Fails with Error::why: it has no room, or the file
// has nothing that an index would be better for. `source` is of `file`, which has symbols and,
// where there is any, debug information. `key`: what the index says it is of.
Result<uint64_t> make_index(const ParsedFile& file, const ByteSource& source,
                            std::span<std::byte> room, std::string_view key);

} // namespace pprofd::symbolizer
