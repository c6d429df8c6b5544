// The service's include and exclude: KEY:GLOB, as a predicate on processes.
//
// KEY is comm, exe (the path as the process sees it), cgroup (any of its paths), unit, container
// (the whole id) or pid; GLOB as in fnmatch(3), where * stands for slashes too.
#pragma once

#include <string_view>

#include "daemon/process/target_match.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// An Error says what is wrong with the text. Any thread; the predicate reads nothing.
Result<ProcessPredicate> match_glob(std::string_view text);

} // namespace pprofd
