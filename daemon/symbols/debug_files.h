// Finds the files that hold other files' debug information: distributions strip it from what they
// install and keep it apart. Searched are, in the target's root and then in the host's,
//   /usr/lib/debug/.build-id/NN/NNN.debug     by build id
//   FOLDER/FILE.dwp                         the package of its split units
//   UNIT.dwo, FOLDER/UNIT.dwo, /usr/lib/debug/UNIT.dwo
//                                             without a package, the files of its split units, as
//                                             each unit states them
//   FOLDER/NAME, FOLDER/.debug/NAME, /usr/lib/debug/FOLDER/NAME
//                                             by the name that the file in FOLDER states
// Source: GDB's manual, "Debugging Information in Separate Files".
//
// What is found has not been looked into: whoever uses it compares build ids. A file of root's is
// only described by files of root's, so that no other user names what everybody runs.
//
// Opening may block (FUSE, NFS): it runs on a helper thread with a deadline. One thread at a time.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "daemon/process/files/blocking_calls.h"
#include "daemon/process/files/file_opener.h"
#include "symbolizer/base/debug_links.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

// The file that is to be described, and through whom it is reached.
struct DescribedFile {
  pid_t pid = 0;              // a process that maps it; 0: none, the host's root alone is searched
  uid_t uid = 0;              // of that process
  std::string path;           // as the process sees it
  bool owned_by_root = false; // only root can have written it
};

struct DebugFile {
  Fd fd;            // open for reading
  std::string path; // below the root of `pid`
  pid_t pid = 0;    // 0: the host's
};

class DebugFiles {
public:
  // `folders`: absolute, searched as /usr/lib/debug is, and before it.
  explicit DebugFiles(std::vector<std::string> folders = {});

  // Files that may hold the debug information of one with this build id (lower-case hex; empty:
  // none) and these links, the likeliest first.
  std::vector<DebugFile> find(const DescribedFile& described, const std::string& build_id,
                              const symbolizer::DebugLinks& links);

  // Files that may be the one at `path` itself, of this build id (empty: none), or hold its debug
  // information: at `path`, and in the folders by build id and by name. What has the program
  // itself comes first.
  std::vector<DebugFile> find_program(const DescribedFile& described, const std::string& build_id);

  // Files that may be what dwz has put aside from one at `path`, which `links` are of. `described`
  // as above; `pid`: in whose root `path` is.
  std::vector<DebugFile> find_supplementary(const DescribedFile& described, const std::string& path,
                                            const symbolizer::DebugLinks& links);

  // Files that may be the package of split units (DWP) of one whose debug information is at `path`;
  // otherwise as above. Units say by their ids whether they belong to it.
  std::vector<DebugFile> find_package(const DescribedFile& described, const std::string& path);

  // Files that may be a split unit's, which calls it `name`, relative to `folder` if at all;
  // otherwise as above. Only files called as compilers call them (.dwo, .o) are opened: the name is
  // anybody's.
  std::vector<DebugFile> find_split(const DescribedFile& described, const std::string& path,
                                    const std::string& folder, const std::string& name);

private:
  std::vector<DebugFile> open_all(const DescribedFile& described, std::vector<std::string> names);

  void add_by_build_id(const std::string& build_id, const std::string& ending,
                       std::vector<std::string>& names) const;

  std::vector<std::string> folders_;
  BlockingCalls calls_;
};

} // namespace pprofd
