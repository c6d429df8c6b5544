// Regular expressions that the user or a profile gives, in RE2's syntax.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>

#include "symbolizer/base/result.h"

namespace pprofd {

// Wrong ones are not logged.
RE2::Options expression_options();

// `option` is how the user gave it: "--focus". Fails with what is wrong with it.
Result<std::unique_ptr<RE2>> read_expression(const std::string& option, const std::string& text);

} // namespace pprofd
