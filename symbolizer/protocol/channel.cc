#include "symbolizer/protocol/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "symbolizer/protocol/limits.h"

namespace pprofd::symbolizer {
namespace {

constexpr size_t kDescriptorBytes = kMaxDescriptors * sizeof(int);

union Control {
  std::array<std::byte, CMSG_SPACE(kDescriptorBytes)> bytes;
  cmsghdr align;
};

std::unexpected<ChannelError> error_of(int error_number) {
  return std::unexpected(error_number == EMSGSIZE ? ChannelError::kPacket : ChannelError::kClosed);
}

// The descriptors that came with a message.
std::vector<Fd> take_descriptors(msghdr& message) {
  std::vector<Fd> taken;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
      continue;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, reinterpret_cast<const std::byte*>(header) + at, sizeof fd);
      taken.emplace_back(fd);
    }
  }
  return taken;
}

} // namespace

Result<std::pair<Channel, Channel>> Channel::pair() {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0)
    return fail_errno("create a socket pair", errno);
  return std::pair(Channel(Fd(sockets[0])), Channel(Fd(sockets[1])));
}

std::expected<void, ChannelError> Channel::send(std::span<const std::byte> bytes,
                                                std::span<const int> descriptors,
                                                Deadline deadline) {
  iovec vector{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t size = std::min(descriptors.size_bytes(), kDescriptorBytes);
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
  }
  for (;;) {
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
      return {};
    if (errno != EAGAIN && errno != EINTR)
      return error_of(errno);
    if (auto ready = wait(POLLOUT, deadline); !ready)
      return ready;
  }
}

std::expected<Packet, ChannelError> Channel::receive(bool descriptors, Deadline deadline) {
  buffer_.resize(kMaxPacket);
  for (;;) {
    if (auto ready = wait(POLLIN, deadline); !ready)
      return std::unexpected(ready.error());
    iovec vector{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    Control control{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (descriptors) {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
    }
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (size < 0)
      return error_of(errno);
    Packet packet;
    if (descriptors)
      packet.descriptors = take_descriptors(message);
    if (size == 0)
      return std::unexpected(ChannelError::kClosed);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
      return std::unexpected(ChannelError::kPacket);
    packet.bytes = std::span(buffer_).first(static_cast<size_t>(size));
    return packet;
  }
}

std::expected<void, ChannelError> Channel::wait(short events, Deadline deadline) const {
  using std::chrono::milliseconds;
  for (;;) {
    int timeout = -1;
    if (deadline != Deadline::max()) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Deadline::clock::now()).count();
      if (left <= 0)
        return std::unexpected(ChannelError::kDeadline);
      timeout = static_cast<int>(std::min<int64_t>(left, INT_MAX));
    }
    pollfd entry{.fd = socket_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, timeout);
    if (ready > 0)
      return {};
    if (ready < 0 && errno != EINTR)
      return std::unexpected(ChannelError::kClosed);
  }
}

} // namespace pprofd::symbolizer
