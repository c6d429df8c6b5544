#include "daemon/ship/process/ship_main.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "daemon/net/libcurl.h"
#include "daemon/output/folder.h"
#include "daemon/serve/link/first_message.h"
#include "daemon/ship/process/sandbox.h"
#include "daemon/ship/process/shipper.h"
#include "symbolizer/worker/privileges.h"

namespace pprofd::ship {

namespace {

// The first message.
Result<serve::Configuration> receive_configuration(serve::Link& link) {
  serve::ToServe message;
  if (auto received = serve::receive_first(link, message); !received)
    return std::unexpected(received.error());
  if (!message.has_configuration())
    return fail("start", "the daemon's first message is no configuration");
  return message.configuration();
}

// With the privileges that there still are: folders that are missing are made for the user that the
// process will be. Folders of targets that are there stay whose they are.
Result<void> make_folders(const serve::Configuration& configuration) {
  const symbolizer::User user = symbolizer::unprivileged_user();
  const auto owner =
      ::geteuid() == 0 ? std::optional(Owner{.uid = user.uid, .gid = user.gid}) : std::nullopt;
  const std::string& spool = configuration.spool_path();
  const auto folder = open_folder_of(spool, owner, IfOfRoot::Given);
  if (!folder)
    return std::unexpected(folder.error());
  for (const serve::ShipTarget& target : configuration.ship_targets())
    if (target.type() == "file")
      if (auto made = open_folder_of(target.url(), owner, IfOfRoot::Stays); !made)
        return std::unexpected(made.error());
  if (::fchdir(folder->get()) != 0)
    return fail_errno("enter " + spool, errno);
  return {};
}

// Without the privileges. The lock is held as long as the process lives.
Result<Fd> lock_spool(const std::string& path) {
  Fd lock(::open("lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!lock)
    return fail_errno("open the spool " + path + " as the user " +
                          symbolizer::unprivileged_user().name,
                      errno, "set spool.path to a folder that this user can reach and write to");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return fail("open the spool " + path, "another process of pprofd has it",
                "give each service a spool of its own (spool.path)");
  return lock;
}

std::vector<std::string> writable_folders(const serve::Configuration& configuration) {
  std::vector<std::string> folders{configuration.spool_path()};
  for (const serve::ShipTarget& target : configuration.ship_targets())
    if (target.type() == "file")
      folders.push_back(target.url());
  return folders;
}

int ship() {
  serve::Link link{Fd(kShipLink)};
  const auto configuration = receive_configuration(link);
  if (!configuration)
    return 1;
  auto ready = load_libcurl(); // while files can be opened
  if (ready)
    ready = make_folders(*configuration);
  Fd lock;
  if (ready) {
    enter_ship_sandbox(writable_folders(*configuration));
    auto locked = lock_spool(configuration->spool_path());
    if (locked)
      lock = std::move(*locked);
    else
      ready = std::unexpected(locked.error());
  }
  Shipper shipper(std::move(link));
  if (ready)
    ready = shipper.start(*configuration);
  if (!ready) {
    shipper.refuse(ready.error());
    return 1;
  }
  shipper.run();
  return 0;
}

} // namespace

int ship_main() {
  ::prctl(PR_SET_NAME, kShipName);
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(027);
  try {
    return ship();
  } catch (const std::exception&) {
    return 1;
  }
}

} // namespace pprofd::ship
