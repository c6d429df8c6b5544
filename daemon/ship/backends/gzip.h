// A body as Content-Encoding: gzip has it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd::ship {

Result<std::string> gzip(std::string_view bytes);

} // namespace pprofd::ship
