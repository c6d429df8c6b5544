#include "daemon/ship/send/reply.h"

#include <algorithm>
#include <array>

#include "daemon/profile/utf8.h"

namespace pprofd::ship {

namespace {

constexpr size_t kLongestReason = 300;
constexpr size_t kShortestSecret = 5; // a header's value may be "1"
// Content too long or of the wrong kind, headers too large: of this profile, not of the backend.
constexpr std::array kRefusals = {400, 411, 413, 414, 415, 422, 431};
constexpr std::array kLater = {408, 425, 429};

void hide(std::string& text, const std::string& secret) {
  constexpr std::string_view kHidden = "[hidden]";
  if (secret.size() < kShortestSecret)
    return;
  for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
    text.replace(at, secret.size(), kHidden);
}

} // namespace

Verdict verdict_of(const Reply& reply) {
  const auto is_one_of = [&](const auto& list) {
    return std::ranges::find(list, reply.status) != list.end();
  };
  if (reply.status >= 200 && reply.status < 300)
    return Verdict::kTaken;
  if (is_one_of(kRefusals))
    return Verdict::kRefused;
  if (reply.status < 300 || reply.status >= 500 || is_one_of(kLater))
    return Verdict::kNotNow;
  return Verdict::kNotLikeThis;
}

std::string reason_of(const Reply& reply, const std::vector<std::string>& secrets) {
  std::string text = reply.status == 0 ? reply.problem
                                       : "HTTP " + std::to_string(reply.status) +
                                             (reply.body.empty() ? "" : ": ") + reply.body;
  for (const std::string& secret : secrets)
    hide(text, secret);
  text = to_utf8(std::string_view(text).substr(0, kLongestReason));
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

} // namespace pprofd::ship
