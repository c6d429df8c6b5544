#include "daemon/serve/http/message.h"

#include "daemon/profile/json_text.h"

namespace pprofd::serve {

Response error_response(unsigned status, const Request& request, const Error& error) {
  return error_response(status, request, text_of(error), error.hint);
}

Response error_response(unsigned status, const Request& request, std::string sentence,
                        const std::string& hint) {
  Response response{.status = status, .body = {}, .headers = {}};
  if (request.path.starts_with("/api/")) {
    response.content_type = "application/json";
    // profefe's clients read `code` and `error`.
    response.body = "{\"code\":" + std::to_string(status) + ",\"error\":" + json_text(sentence) +
                    ",\"hint\":" + json_text(hint) + "}\n";
    return response;
  }
  if (request.path.starts_with("/debug/pprof"))
    response.headers.emplace_back("X-Go-Pprof", "1");
  response.body = std::move(sentence);
  if (!hint.empty())
    response.body += " (" + hint + ")";
  response.body += '\n';
  return response;
}

} // namespace pprofd::serve
