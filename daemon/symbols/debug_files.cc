#include "daemon/symbols/debug_files.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

#include "symbolizer/base/hex.h"

namespace pprofd {

namespace {

constexpr std::chrono::milliseconds kDeadline{500};
const std::string kDebugFolder = "/usr/lib/debug";

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1); // with the slash at its end
}

void add_by_build_id(const std::string& build_id, std::vector<std::string>& names) {
  if (build_id.size() > 2)
    names.push_back(kDebugFolder + "/.build-id/" + build_id.substr(0, 2) + "/" +
                    build_id.substr(2) + ".debug");
}

// The helper thread's answer, which may come after nobody waits for it any more.
struct Answer {
  std::mutex mutex;
  std::vector<DebugFile> files;
};

void open_each(pid_t pid, bool of_root_only, const std::vector<std::string>& names,
               std::vector<DebugFile>& files) {
  const FileOpener opener;
  for (const std::string& name : names) {
    auto opened = opener.open_name(pid, name);
    if (opened && (opened->owned_by_root || !of_root_only))
      files.push_back({.fd = std::move(opened->fd), .path = name, .pid = pid});
  }
}

} // namespace

std::vector<DebugFile> DebugFiles::find(const DescribedFile& described, const std::string& build_id,
                                        const symbolizer::DebugLinks& links) {
  std::vector<std::string> names;
  add_by_build_id(build_id, names);
  const bool is_name = !links.name.empty() && links.name.find('/') == std::string::npos;
  if (is_name && described.path.starts_with('/')) {
    const std::string folder = folder_of(described.path);
    if (folder + links.name != described.path)
      names.push_back(folder + links.name);
    names.push_back(folder + ".debug/" + links.name);
    names.push_back(kDebugFolder + folder + links.name);
  }
  return open_all(described, std::move(names));
}

std::vector<DebugFile> DebugFiles::find_supplementary(const DescribedFile& described,
                                                      const std::string& path,
                                                      const symbolizer::DebugLinks& links) {
  std::vector<std::string> names;
  if (links.supplementary.starts_with('/'))
    names.push_back(links.supplementary);
  else if (!links.supplementary.empty())
    names.push_back(folder_of(path) + links.supplementary);
  add_by_build_id(hex_of(links.supplementary_id), names);
  return open_all(described, std::move(names));
}

std::vector<DebugFile> DebugFiles::open_all(const DescribedFile& described,
                                            std::vector<std::string> names) {
  if (names.empty())
    return {};
  const auto answer = std::make_shared<Answer>();
  std::string key = names.front();
  const auto outcome = calls_.run(
      std::move(key), described.uid, kDeadline,
      [answer, names = std::move(names), pid = described.pid, root = described.owned_by_root] {
        std::vector<DebugFile> files;
        if (pid != 0)
          open_each(pid, root, names, files);
        open_each(0, root, names, files);
        const std::scoped_lock lock(answer->mutex);
        answer->files = std::move(files);
      });
  if (outcome != CallOutcome::done)
    return {};
  const std::scoped_lock lock(answer->mutex);
  return std::move(answer->files);
}

} // namespace pprofd
