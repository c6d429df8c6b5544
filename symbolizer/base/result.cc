#include "symbolizer/base/result.h"

#include <system_error>

namespace pprofd {

std::string text_of(const Error& error) {
  return error.what.empty() ? error.why : error.what + ": " + error.why;
}

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

std::unexpected<Error> fail_errno(std::string what, int error_number, std::string hint) {
  return fail(std::move(what), errno_text(error_number), std::move(hint));
}

} // namespace pprofd
