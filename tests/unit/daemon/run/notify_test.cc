#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "daemon/run/notify.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

// systemd's end.
class Listener {
public:
  explicit Listener(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.front() == '@')
      address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  }
  std::string next() {
    std::array<char, 512> text{};
    const ssize_t size = recv(fd_.get(), text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(text.data(), static_cast<size_t>(size));
  }

private:
  Fd fd_;
};

TEST(Notify, SpeaksToThePathAndToTheAbstractName) {
  const TemporaryFolder folder;
  for (const std::string& name : {folder / "notify", "@pprofd-test-" + std::to_string(getpid())}) {
    Listener listener(name);
    const Notify notify(name, 10s);
    EXPECT_EQ(notify.watchdog_interval(), 5s);
    notify.ready("fine");
    EXPECT_EQ(listener.next(), "READY=1\nSTATUS=fine");
    notify.watchdog();
    EXPECT_EQ(listener.next(), "WATCHDOG=1");
    notify.status("12 windows");
    EXPECT_EQ(listener.next(), "STATUS=12 windows");
    notify.reloading();
    EXPECT_TRUE(listener.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    notify.stopping();
    EXPECT_TRUE(listener.next().starts_with("STOPPING=1\n"));
  }
}

TEST(Notify, IsSilentWhereNobodyListens) {
  const Notify nobody("", 10s);
  nobody.ready("fine");
  EXPECT_EQ(nobody.watchdog_interval(), 0s);
  const Notify gone("/nowhere/notify", 10s);
  gone.watchdog();
  EXPECT_EQ(gone.watchdog_interval(), 0s);
}

} // namespace
} // namespace pprofd
