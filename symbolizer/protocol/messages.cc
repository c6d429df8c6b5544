#include "symbolizer/protocol/messages.h"

#include <algorithm>
#include <string>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/text.h"

namespace pprofd::symbolizer {
namespace {

template <typename T> Result<T> parse(std::span<const std::byte> bytes) {
  T message;
  if (bytes.size() > kMaxPacket ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail("", "not a message of the protocol");
  return message;
}

bool is_good_text(const std::string& text, size_t limit) {
  return text.size() <= limit && is_clean_text(text);
}

bool is_good(const worker::Reply::Frame& frame) {
  return !frame.function().empty() && is_good_text(frame.function(), kMaxText) &&
         is_good_text(frame.system_name(), kMaxText) && is_good_text(frame.file(), kMaxText);
}

bool is_good(const worker::Reply::Address& address, int frames) {
  return static_cast<size_t>(address.frames_size()) <= kMaxInlineFrames &&
         std::ranges::all_of(address.frames(),
                             [&](uint32_t index) { return index < static_cast<uint32_t>(frames); });
}

} // namespace

Result<worker::Setup> decode_setup(std::span<const std::byte> bytes) {
  auto setup = parse<worker::Setup>(bytes);
  if (setup && setup->version() != kProtocolVersion)
    return fail("", "protocol version " + std::to_string(setup->version()));
  return setup;
}

Result<worker::Hello> decode_hello(std::span<const std::byte> bytes) {
  auto hello = parse<worker::Hello>(bytes);
  if (!hello)
    return hello;
  if (hello->version() != kProtocolVersion)
    return fail("", "protocol version " + std::to_string(hello->version()));
  if (static_cast<size_t>(hello->sandbox_size()) > kMaxSandboxParts)
    return fail("", "too many sandbox parts");
  for (const worker::Hello::Part& part : hello->sandbox())
    if (!is_good_text(part.name(), kMaxFailure) || !is_good_text(part.detail(), kMaxFailure))
      return fail("", "a sandbox part is no text");
  return hello;
}

Result<worker::Request> decode_request(std::span<const std::byte> bytes) {
  auto request = parse<worker::Request>(bytes);
  if (!request)
    return request;
  if (static_cast<size_t>(request->offsets_size()) > kMaxOffsets)
    return fail("", "too many offsets");
  if (!worker::Style_IsValid(request->style()))
    return fail("", "an unknown style");
  return request;
}

Result<worker::Reply> decode_reply(std::span<const std::byte> bytes, uint64_t id,
                                   size_t max_addresses) {
  auto reply = parse<worker::Reply>(bytes);
  if (!reply)
    return reply;
  if (reply->id() != id)
    return fail("", "a reply to another request");
  const auto addresses = static_cast<size_t>(reply->addresses_size());
  if (addresses > max_addresses)
    return fail("", "more addresses than asked for");
  if (!reply->last() && addresses == 0)
    return fail("", "a reply without addresses");
  if (!reply->last() && (!reply->build_id().empty() || !reply->failure().empty()))
    return fail("", "a result before the last reply");
  if (reply->last() && addresses < max_addresses && reply->failure().empty())
    return fail("", "addresses are missing");
  if (reply->build_id().size() > kMaxBuildId)
    return fail("", "a build id of " + std::to_string(reply->build_id().size()) + " bytes");
  if (!is_good_text(reply->failure(), kMaxFailure))
    return fail("", "a failure that is no text");
  if (!std::ranges::all_of(reply->frames(), [](const auto& frame) { return is_good(frame); }))
    return fail("", "a frame without name or with text that is none");
  if (!std::ranges::all_of(reply->addresses(), [&](const auto& address) {
        return is_good(address, reply->frames_size());
      }))
    return fail("", "an address with frames that do not exist");
  return reply;
}

std::vector<std::byte> encode(const google::protobuf::MessageLite& message) {
  std::vector<std::byte> bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

} // namespace pprofd::symbolizer
