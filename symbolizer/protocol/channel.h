// One end of the socket pair between the daemon and its worker: packets of at most kMaxPacket
// bytes, each with at most kMaxDescriptors descriptors. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd::symbolizer {

using Deadline = std::chrono::steady_clock::time_point;

enum class ChannelError {
  kClosed,   // the other side is gone
  kDeadline, // it did not send or receive in time
  kPacket,   // it sent what is no packet of the protocol
};

struct Packet {
  std::span<const std::byte> bytes; // valid until the next receive()
  std::vector<Fd> descriptors;      // as they were sent
};

class Channel {
public:
  // Two connected ends.
  static Result<std::pair<Channel, Channel>> pair();
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  std::expected<void, ChannelError> send(std::span<const std::byte> bytes,
                                         std::span<const int> descriptors, Deadline deadline);
  // Waits for one packet. Descriptors are taken only where `descriptors` is set; others are
  // refused by the kernel.
  std::expected<Packet, ChannelError> receive(bool descriptors, Deadline deadline);

  [[nodiscard]] int fd() const { return socket_.get(); }

private:
  std::expected<void, ChannelError> wait(short events, Deadline deadline) const;

  Fd socket_;
  std::vector<std::byte> buffer_;
};

} // namespace pprofd::symbolizer
