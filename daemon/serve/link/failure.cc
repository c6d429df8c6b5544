#include "daemon/serve/link/failure.h"

namespace pprofd::serve {

Failure failure_of(const Error& error) {
  Failure failure;
  failure.set_what(error.what);
  failure.set_why(error.why);
  failure.set_hint(error.hint);
  return failure;
}

} // namespace pprofd::serve
