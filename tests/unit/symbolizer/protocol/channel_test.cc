#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "symbolizer/protocol/channel.h"
#include "symbolizer/protocol/limits.h"

namespace pprofd::symbolizer {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
  return Deadline::clock::now() + 5s;
}
std::vector<std::byte> bytes_of(size_t size) {
  return std::vector(size, std::byte{7});
}

class ChannelPair : public testing::Test {
protected:
  ChannelPair() {
    auto ends = Channel::pair().value();
    near_.emplace(std::move(ends.first));
    far_.emplace(std::move(ends.second));
  }
  std::optional<Channel> near_;
  std::optional<Channel> far_;
};

TEST_F(ChannelPair, ThePacketArrivesWithItsDescriptorsInOrder) {
  const std::array files{Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
                         Fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC)),
                         Fd(::open("/dev/full", O_RDONLY | O_CLOEXEC)),
                         Fd(::open("/dev/urandom", O_RDONLY | O_CLOEXEC)),
                         Fd(::open("/dev/random", O_RDONLY | O_CLOEXEC))};
  static_assert(files.size() == kMaxDescriptors);
  ASSERT_TRUE(near_->send(
      bytes_of(10),
      std::array{files[0].get(), files[1].get(), files[2].get(), files[3].get(), files[4].get()},
      soon()));
  const auto packet = far_->receive(/*descriptors=*/true, soon());
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->bytes.size(), 10U);
  ASSERT_EQ(packet->descriptors.size(), files.size());
  for (size_t at = 0; at < files.size(); ++at) {
    struct stat sent{};
    struct stat received{};
    ::fstat(files.at(at).get(), &sent);
    ASSERT_EQ(::fstat(packet->descriptors.at(at).get(), &received), 0);
    EXPECT_EQ(sent.st_rdev, received.st_rdev);
    EXPECT_NE(::fcntl(packet->descriptors.at(at).get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(ChannelPair, TheLargestPacketGoesThroughWithTheKernelsUsualBuffers) {
  ASSERT_TRUE(near_->send(bytes_of(kMaxPacket), {}, soon()));
  const auto packet = far_->receive(/*descriptors=*/false, soon());
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->bytes.size(), kMaxPacket);
}

TEST_F(ChannelPair, ALargerPacketIsRefused) {
  const auto large = bytes_of(kMaxPacket + 1);
  ASSERT_EQ(::send(near_->fd(), large.data(), large.size(), 0), static_cast<ssize_t>(large.size()));
  EXPECT_EQ(far_->receive(false, soon()).error(), ChannelError::kPacket);
}

TEST_F(ChannelPair, DescriptorsNobodyAskedForAreNotTaken) {
  const Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(near_->send(bytes_of(1), std::array{file.get()}, soon()));
  EXPECT_EQ(far_->receive(/*descriptors=*/false, soon()).error(), ChannelError::kPacket);
}

TEST_F(ChannelPair, SilenceEndsWithTheDeadline) {
  const auto start = Deadline::clock::now();
  EXPECT_EQ(far_->receive(false, start + 50ms).error(), ChannelError::kDeadline);
  EXPECT_GE(Deadline::clock::now(), start + 50ms);
}

TEST_F(ChannelPair, AFullSocketEndsWithTheDeadline) {
  const Deadline deadline = Deadline::clock::now() + 100ms;
  std::expected<void, ChannelError> sent;
  while (sent)
    sent = near_->send(bytes_of(100'000), {}, deadline);
  EXPECT_EQ(sent.error(), ChannelError::kDeadline);
}

TEST_F(ChannelPair, AClosedEndIsSaid) {
  near_.reset();
  EXPECT_EQ(far_->receive(false, soon()).error(), ChannelError::kClosed);
  EXPECT_EQ(far_->send(bytes_of(1), {}, soon()).error(), ChannelError::kClosed);
}

} // namespace
} // namespace pprofd::symbolizer
