// Where a command's output goes, in pieces.
#pragma once

#include <functional>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

// Takes all of a text, or fails; it is not called again then.
using TextSink = std::function<Result<void>(std::string_view)>;

} // namespace pprofd
