// Who may ask what.
//
// - A unix socket's clients are let in: the socket's mode has decided.
// - Requests that a browser makes for a foreign page are refused: on loopback a Host that is not
//   this machine's own name for itself (DNS rebinding), everywhere an Origin that is not the Host,
//   and what Fetch Metadata calls cross-site, except following a link to the page.
// - Where users, tokens or an authority for client certificates are configured, TCP clients show
//   one of them. Listeners for metrics alone ask for nothing.
//
// Sources: RFC 7617 (Basic), RFC 6750 (Bearer), crypt(5) ($2a$, $2b$, $2y$), W3C Fetch Metadata.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/serve/http/message.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

struct Credentials {
  std::map<std::string, std::string> users; // name -> bcrypt hash
  std::vector<std::string> tokens;
  bool certificates = false; // a client's certificate is enough

  [[nodiscard]] bool any() const { return certificates || !users.empty() || !tokens.empty(); }
};

// "name:hash" a line, as htpasswd -B writes them; '#' begins a comment. Errors name the line; a
// text that is not empty and has none is one.
Result<std::map<std::string, std::string>> parse_users(std::string_view text);
// A token a line. Errors: one of fewer than 16 characters; a text that is not empty and has none.
Result<std::vector<std::string>> parse_tokens(std::string_view text);

// Nothing: a browser's rules let it through; else why not (403).
std::optional<std::string> foreign_request(const Request& request);

enum class Verdict { kAllowed, kRefused, kCheckPassword };

// Immutable, any thread; what it remembers of passwords is locked.
class Gate {
public:
  explicit Gate(Credentials credentials) : credentials_(std::move(credentials)) {}

  // At once; kCheckPassword: check_password() says, and takes some tenths of a second.
  Verdict look_at(const Request& request);
  bool check_password(const Request& request);

private:
  [[nodiscard]] bool token_known(std::string_view token) const;

  Credentials credentials_;
  std::mutex mutex_;
  std::vector<std::string> accepted_; // digests of what check_password() has accepted
};

Response unauthorized(const Request& request);

} // namespace pprofd::serve
