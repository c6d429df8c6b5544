#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/run/listener.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd {
namespace {

using testing::HasSubstr;

ListenAddress file(const std::string& path) {
  return {.unix_path = path, .ip = {}};
}

bool connects(const std::string& path) {
  const Fd client(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST(Listener, ASocketInAFileIsForItsOwnerAndGroup) {
  const TemporaryFolder folder;
  const std::string path = folder / "run/pprofd.sock";
  const auto listener = open_listener(file(path));
  ASSERT_TRUE(listener) << listener.error().why;
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660U);
  EXPECT_TRUE(connects(path));
}

TEST(Listener, ASocketThatNobodyListensOnAnyMoreIsReplaced) {
  const TemporaryFolder folder;
  const std::string path = folder / "pprofd.sock";
  ASSERT_TRUE(open_listener(file(path))); // and closed
  EXPECT_FALSE(connects(path));
  const auto listener = open_listener(file(path));
  ASSERT_TRUE(listener) << listener.error().why;
  EXPECT_TRUE(connects(path));
}

TEST(Listener, OneThatIsInUseIsNotTaken) {
  const TemporaryFolder folder;
  const std::string path = folder / "pprofd.sock";
  const auto first = open_listener(file(path));
  ASSERT_TRUE(first);
  const auto second = open_listener(file(path));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().why, HasSubstr("another process listens there"));
  EXPECT_TRUE(connects(path));
}

TEST(Listener, AFileThatIsNoSocketStays) {
  const TemporaryFolder folder;
  write_file(folder / "data", "x");
  const auto listener = open_listener(file(folder / "data"));
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().why, HasSubstr("no socket"));
  EXPECT_EQ(read_file(folder / "data"), "x");
}

TEST(Listener, APortIsTakenOnce) {
  Fd taken(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(taken.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  ASSERT_EQ(::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const ListenAddress same{.unix_path = {}, .ip = "127.0.0.1", .port = ntohs(address.sin_port)};
  const auto refused = open_listener(same);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("listen on 127.0.0.1:"));
  taken.reset();
  EXPECT_TRUE(open_listener(same));
}

} // namespace
} // namespace pprofd
