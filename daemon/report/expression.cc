#include "daemon/report/expression.h"

namespace pprofd {

RE2::Options expression_options() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

Result<std::unique_ptr<RE2>> read_expression(const std::string& option, const std::string& text) {
  auto expression = std::make_unique<RE2>(text, expression_options());
  if (!expression->ok())
    return fail(option + " " + text, expression->error(),
                "expressions have RE2's syntax; a special character loses its meaning behind \\");
  return expression;
}

} // namespace pprofd
