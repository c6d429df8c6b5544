#include "daemon/serve/process/serve_main.h"

#include <openssl/ssl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <vector>

#include "daemon/output/folder.h"
#include "daemon/serve/link/first_message.h"
#include "daemon/serve/process/sandbox.h"
#include "daemon/serve/process/service.h"
#include "symbolizer/worker/privileges.h"

namespace pprofd::serve {
namespace {

constexpr int kMostListeners = 64;

// The first message.
Result<Configuration> receive_configuration(Link& link) {
  ToServe message;
  if (auto received = receive_first(link, message); !received)
    return std::unexpected(received.error());
  if (!message.has_configuration() || message.configuration().listeners_size() > kMostListeners)
    return fail("start", "the daemon's first message is no configuration");
  return message.configuration();
}

// With the privileges that there still are: the folder that the process will own, and that it works
// in.
Result<void> enter_store_folder(const std::string& path) {
  const symbolizer::User user = symbolizer::unprivileged_user();
  const auto owner =
      ::geteuid() == 0 ? std::optional(Owner{.uid = user.uid, .gid = user.gid}) : std::nullopt;
  const auto folder = open_folder_of(path, owner, IfOfRoot::Given);
  if (!folder)
    return std::unexpected(folder.error());
  if (::fchdir(folder->get()) != 0)
    return fail_errno("enter " + path, errno);
  return {};
}

// Without the privileges: SQLite looks at each folder above its file.
Result<void> check_reachable(const std::string& path) {
  if (::access(path.c_str(), R_OK | W_OK | X_OK) == 0)
    return {};
  return fail_errno("open the store " + path + " as the user " +
                        symbolizer::unprivileged_user().name,
                    errno, "set store.path to a folder that this user can reach and write to");
}

int serve(const std::string& version) {
  Link link{Fd(kServeLink)};
  auto configuration = receive_configuration(link);
  if (!configuration)
    return 1;
  std::vector<Fd> listeners;
  listeners.reserve(static_cast<size_t>(configuration->listeners_size()));
  for (int i = 0; i < configuration->listeners_size(); i++)
    listeners.emplace_back(kServeLink + 1 + i);

  OPENSSL_init_ssl(0, nullptr); // reads its settings while files can be opened
  auto ready = enter_store_folder(configuration->store_path());
  if (ready) {
    enter_serve_sandbox(configuration->store_path());
    ready = check_reachable(configuration->store_path());
  }
  Service service(std::move(link), version);
  if (ready)
    ready = service.start(*configuration, std::move(listeners));
  if (!ready) {
    service.refuse(ready.error());
    service.finish();
    return 1;
  }
  service.run();
  service.finish();
  // Connections that still wait go with the process: nobody takes their answers apart in order.
  ::_exit(0);
}

} // namespace

int serve_main(const std::string& version) {
  ::prctl(PR_SET_NAME, kServeName);
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(027);
  try {
    return serve(version);
  } catch (const std::exception&) {
    return 1;
  }
}

} // namespace pprofd::serve
