// Bytes as gzip has them (RFC 1952). Pure.
#pragma once

#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

// One gzip member; several of them, one behind the other, are a gzip file as well. The same bytes
// give the same. Errors: more than 2 GB, or no memory.
Result<std::string> gzip(std::string_view bytes);

} // namespace pprofd
