// S3's PutObject, with the bucket in the path: Amazon's and every other store that has its API. The
// client signs (AWS signature version 4); that the sum of the body is signed too is said here.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"
#include "daemon/ship/backends/objects.h"

namespace pprofd::ship {

namespace {

constexpr int kBadRequest = 400;
// Of what S3 says 400 to, the object's own fault.
constexpr std::array<std::string_view, 2> kTooMuch = {"<Code>EntityTooLarge</Code>",
                                                      "<Code>KeyTooLongError</Code>"};

Result<std::string> sha256_text(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), sum.data(), &length, EVP_sha256(), nullptr) != 1)
    return fail("sign", "libcrypto has no SHA-256");
  std::string text;
  for (unsigned i = 0; i < length; ++i)
    text += fmt::format("{:02x}", sum.at(i));
  return text;
}

// As it stands in the address and in what is signed: all but slashes and what is plain as %XX.
std::string path_encoded(std::string_view key) {
  std::string made;
  while (!key.empty()) {
    const size_t slash = std::min(key.find('/'), key.size());
    made += "/" + percent_encoded(key.substr(0, slash));
    key.remove_prefix(std::min(slash + 1, key.size()));
  }
  return made;
}

} // namespace

Result<std::vector<Parcel>> encode_s3(const serve::ShipTarget& target,
                                      std::span<const serve::WindowProfile> profiles) {
  auto objects = objects_of(target, profiles);
  if (!objects)
    return std::unexpected(objects.error());
  std::vector<Parcel> parcels;
  for (Object& object : *objects) {
    const auto sum = sha256_text(object.bytes);
    if (!sum)
      return std::unexpected(sum.error());
    Parcel& parcel = parcels.emplace_back();
    parcel.method = "PUT";
    parcel.url = target.url() + "/" + target.bucket() + path_encoded(target.prefix()) +
                 path_encoded(object.name);
    parcel.headers = {"Content-Type: application/octet-stream", "x-amz-content-sha256: " + *sum};
    if (!target.session_token().empty())
      parcel.headers.push_back("x-amz-security-token: " + target.session_token());
    parcel.cost = object.bytes.size();
    parcel.body = std::move(object.bytes);
  }
  return parcels;
}

Verdict s3_verdict(const Reply& reply) {
  const auto is_said = [&](std::string_view code) { return reply.body.contains(code); };
  if (reply.status == kBadRequest && std::ranges::none_of(kTooMuch, is_said))
    return Verdict::kNotLikeThis;
  return verdict_of(reply);
}

} // namespace pprofd::ship
