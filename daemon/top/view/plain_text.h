// One refresh as plain text, for files and pipes. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/top/view/layout.h"

namespace pprofd::top {

// `rows`: at most so many. `time`: of day, as it is to be printed.
std::string plain_text(const LiveSamples& samples, const Status& status, const Table& table,
                       size_t rows, std::string_view time);

} // namespace pprofd::top
