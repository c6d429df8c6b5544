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

// Room for one descriptor.
union Control {
  std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes;
  cmsghdr align;
};

std::unexpected<ChannelError> error_of(int error_number) {
  return std::unexpected(error_number == EMSGSIZE ? ChannelError::kPacket : ChannelError::kClosed);
}

// The descriptor that came with a message.
Fd take_descriptor(msghdr& message) {
  Fd taken;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len < CMSG_LEN(sizeof(int)))
      continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    taken.reset(fd);
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

std::expected<void, ChannelError> Channel::send(std::span<const std::byte> bytes, int descriptor,
                                                Deadline deadline) {
  iovec vector{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
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
      packet.descriptor = take_descriptor(message);
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
