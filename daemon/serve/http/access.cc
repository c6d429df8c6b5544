#include "daemon/serve/http/access.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

namespace pprofd::serve {
namespace {

constexpr size_t kShortestToken = 16;
constexpr size_t kMaxAccepted = 256;
constexpr size_t kLongestCredential = 1024;
// Of no password: what is compared for a user that there is not, so that both take equally long.
constexpr const char* kNobodysHash = "$2b$10$abcdefghijklmnopqrstuuu5s2v8jCJ3gkqFBK1pJgN9y3y1Y8q2a";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  return text;
}

// Calls `each` with the number and text of each line that says something.
template <typename Each> Result<void> for_lines(std::string_view text, const Each& each) {
  for (size_t number = 1; !text.empty(); number++) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#'))
      continue;
    if (Result<void> ok = each(number, line); !ok)
      return ok;
  }
  return {};
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string digest_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

// The rest of a field that begins with the word, in any case, and a space.
std::optional<std::string_view> after_scheme(std::string_view field, std::string_view scheme) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (field.size() <= scheme.size() || field[scheme.size()] != ' ' ||
      !std::ranges::equal(field.substr(0, scheme.size()), scheme, {}, lower, lower))
    return std::nullopt;
  return trimmed(field.substr(scheme.size() + 1));
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > kLongestCredential)
    return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0)
    return std::nullopt;
  out.resize(static_cast<size_t>(length) -
             static_cast<size_t>(text.ends_with("==") ? 2 : text.ends_with('=')));
  return out;
}

// Without the port, and without the brackets around an IPv6 address.
std::string_view host_name(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, std::min(authority.find(':'), authority.size()));
}

bool is_own_name(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "localhost.")
    return true;
  // 127.0.0.0/8, as numbers only: 127.0.0.1.example.com is somebody's name.
  return host.starts_with("127.") && std::ranges::count(host, '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string_view authority_of(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme))
      return origin.substr(scheme.size());
  return {};
}

} // namespace

Result<std::map<std::string, std::string>> parse_users(std::string_view text) {
  std::map<std::string, std::string> users;
  auto done = for_lines(text, [&](size_t number, std::string_view line) -> Result<void> {
    const size_t colon = line.find(':');
    const std::string_view hash = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (colon == 0 || hash.size() != 60 || !hash.starts_with("$2"))
      return fail("users, line " + std::to_string(number), "it is not NAME:BCRYPT-HASH",
                  "make it with htpasswd -nB NAME");
    users[std::string(line.substr(0, colon))] = hash;
    return {};
  });
  if (!done)
    return std::unexpected(done.error());
  if (users.empty() && !text.empty())
    return fail("users", "there are none in the file", "make one with htpasswd -nB NAME");
  return users;
}

Result<std::vector<std::string>> parse_tokens(std::string_view text) {
  std::vector<std::string> tokens;
  auto done = for_lines(text, [&](size_t number, std::string_view line) -> Result<void> {
    if (line.size() < kShortestToken)
      return fail("tokens, line " + std::to_string(number), "it has fewer than 16 characters",
                  "make one with openssl rand -hex 32");
    tokens.emplace_back(line);
    return {};
  });
  if (!done)
    return std::unexpected(done.error());
  if (tokens.empty() && !text.empty())
    return fail("tokens", "there are none in the file", "make one with openssl rand -hex 32");
  return tokens;
}

std::optional<std::string> foreign_request(const Request& request) {
  if (request.peer.kind == Peer::Kind::kUnix)
    return std::nullopt;
  if (request.peer.kind == Peer::Kind::kLoopback && !is_own_name(host_name(request.host)))
    return "on loopback the Host must be localhost or a loopback address";
  if (!request.origin.empty() &&
      (request.host.empty() || authority_of(request.origin) != request.host))
    return "the request comes from another site's page (Origin)";
  const bool foreign = request.fetch_site == "cross-site" || request.fetch_site == "same-site";
  const bool link = request.fetch_mode == "navigate" &&
                    (request.method == "GET" || request.method == "HEAD") &&
                    !request.path.starts_with("/debug/") && !request.path.starts_with("/api/");
  if (foreign && !link)
    return "the request comes from another site's page (Sec-Fetch-Site)";
  return std::nullopt;
}

bool Gate::token_known(std::string_view token) const {
  bool known = false;
  for (const std::string& one : credentials_.tokens)
    known |= equal_in_constant_time(one, token);
  return known;
}

Verdict Gate::look_at(const Request& request) {
  if (!credentials_.any() || request.peer.kind == Peer::Kind::kUnix || request.metrics_only)
    return Verdict::kAllowed;
  if (credentials_.certificates && request.peer.certificate)
    return Verdict::kAllowed;
  if (const auto token = after_scheme(request.authorization, "bearer"))
    return token_known(*token) ? Verdict::kAllowed : Verdict::kRefused;
  if (credentials_.users.empty() || !after_scheme(request.authorization, "basic") ||
      request.authorization.size() > kLongestCredential)
    return Verdict::kRefused;
  const std::string digest = digest_of(request.authorization);
  const std::scoped_lock lock(mutex_);
  return std::ranges::find(accepted_, digest) != accepted_.end() ? Verdict::kAllowed
                                                                 : Verdict::kCheckPassword;
}

bool Gate::check_password(const Request& request) {
  const auto encoded = after_scheme(request.authorization, "basic");
  const auto pair = encoded ? decode_base64(*encoded) : std::nullopt;
  if (!pair)
    return false;
  const size_t colon = pair->find(':');
  if (colon == std::string::npos || pair->contains('\0'))
    return false;
  const auto user = credentials_.users.find(pair->substr(0, colon));
  const bool known = user != credentials_.users.end();
  const std::string& hash = known ? user->second : std::string(kNobodysHash);
  auto room = std::make_unique<crypt_data>();
  const char* got = ::crypt_r(pair->c_str() + colon + 1, hash.c_str(), room.get());
  if (!known || got == nullptr || !equal_in_constant_time(got, hash))
    return false;
  const std::scoped_lock lock(mutex_);
  if (accepted_.size() >= kMaxAccepted)
    accepted_.erase(accepted_.begin());
  accepted_.push_back(digest_of(request.authorization));
  return true;
}

Response unauthorized(const Request& request) {
  Response response = error_response(401, request, "this address is for those who authenticate",
                                     "send a user's name and password (Basic) or a token (Bearer)");
  response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="pprofd", charset="UTF-8")");
  return response;
}

} // namespace pprofd::serve
