#include "daemon/serve/link/link.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

namespace pprofd::serve {
namespace {

constexpr size_t kPrefix = 4;
constexpr size_t kChunk = size_t{64} << 10;
constexpr int kChunksAtOnce = 8; // so that one side cannot keep the other from all else
constexpr const char* kSending = "send to the other process";
constexpr const char* kReceiving = "receive from the other process";

void append_length(std::string& out, size_t length) {
  for (size_t shift = 0; shift < 8 * kPrefix; shift += 8)
    out += static_cast<char>(length >> shift & 0xff);
}

size_t read_length(std::string_view bytes) {
  size_t length = 0;
  for (size_t i = 0; i < kPrefix; i++)
    length |= size_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return length;
}

// Forgets the part of `buffer` before `position` once it is the larger one.
void compact(std::string& buffer, size_t& position) {
  if (position == buffer.size()) {
    buffer.clear();
    if (buffer.capacity() > 16 * kChunk)
      buffer.shrink_to_fit();
  } else if (position > buffer.size() / 2) {
    buffer.erase(0, position);
  } else {
    return;
  }
  position = 0;
}

} // namespace

Result<std::pair<Link, Link>> Link::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno("create a socket pair", errno);
  return std::pair(Link(Fd(ends[0])), Link(Fd(ends[1])));
}

short Link::wanted_events() const {
  return static_cast<short>(unsent() > 0 ? POLLIN | POLLOUT : POLLIN);
}

Result<void> Link::send(const google::protobuf::MessageLite& message) {
  const size_t length = message.ByteSizeLong();
  if (length > kMaxMessage)
    return fail(kSending, "the message is longer than 64 MB");
  if (unsent() + length + kPrefix > kMaxUnsent)
    return fail(kSending, "it does not take what it was sent before");
  append_length(out_, length);
  const size_t begin = out_.size();
  out_.resize(begin + length);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(out_.data() + begin));
  return flush();
}

Result<void> Link::flush() {
  while (unsent() > 0) {
    const ssize_t done = ::send(fd(), out_.data() + sent_, unsent(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0 && errno == EAGAIN)
      break;
    if (done < 0)
      return fail_errno(kSending, errno);
    sent_ += static_cast<size_t>(done);
  }
  compact(out_, sent_);
  return {};
}

Result<bool> Link::fill() {
  for (int chunk = 0; chunk < kChunksAtOnce; chunk++) {
    const size_t held = in_.size();
    in_.resize(held + kChunk);
    const ssize_t got = ::recv(fd(), in_.data() + held, kChunk, MSG_DONTWAIT);
    const int error = errno;
    in_.resize(held + static_cast<size_t>(got > 0 ? got : 0));
    if (got == 0 || (got < 0 && error == ECONNRESET))
      return false;
    if (got < 0 && error == EINTR)
      continue;
    if (got < 0 && error == EAGAIN)
      return true;
    if (got < 0)
      return fail_errno(kReceiving, error);
    if (static_cast<size_t>(got) < kChunk)
      return true;
  }
  return true;
}

Result<bool> Link::next(google::protobuf::MessageLite& message) {
  const std::string_view rest = std::string_view(in_).substr(taken_);
  if (rest.size() < kPrefix)
    return false;
  const size_t length = read_length(rest);
  if (length > kMaxMessage)
    return fail(kReceiving, "it announces a message longer than 64 MB");
  if (rest.size() - kPrefix < length)
    return false;
  if (!message.ParseFromArray(rest.data() + kPrefix, static_cast<int>(length)))
    return fail(kReceiving, "it sent what is no message");
  taken_ += kPrefix + length;
  compact(in_, taken_);
  return true;
}

} // namespace pprofd::serve
