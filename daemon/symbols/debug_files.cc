#include "daemon/symbols/debug_files.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "symbolizer/base/hex.h"

namespace pprofd {

namespace {

constexpr std::chrono::milliseconds kDeadline{500};
constexpr const char* kDebugFolder = "/usr/lib/debug";
constexpr const char* kDebugEnding = ".debug";

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1); // with the slash at its end
}

std::string last_part_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

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

DebugFiles::DebugFiles(std::vector<std::string> folders) : folders_(std::move(folders)) {
  folders_.emplace_back(kDebugFolder);
}

void DebugFiles::add_by_build_id(const std::string& build_id, const std::string& ending,
                                 std::vector<std::string>& names) const {
  if (build_id.size() <= 2)
    return;
  for (const std::string& folder : folders_)
    names.push_back(fmt::format("{}/.build-id/{}/{}{}", folder, build_id.substr(0, 2),
                                build_id.substr(2), ending));
}

std::vector<DebugFile> DebugFiles::find(const DescribedFile& described, const std::string& build_id,
                                        const symbolizer::DebugLinks& links) {
  std::vector<std::string> names;
  add_by_build_id(build_id, kDebugEnding, names);
  const bool is_name = !links.name.empty() && links.name.find('/') == std::string::npos;
  if (is_name && described.path.starts_with('/')) {
    const std::string folder = folder_of(described.path);
    if (folder + links.name != described.path)
      names.push_back(folder + links.name);
    names.push_back(folder + ".debug/" + links.name);
    for (const std::string& debug_folder : folders_)
      names.push_back(debug_folder + folder + links.name);
  }
  return open_all(described, std::move(names));
}

std::vector<DebugFile> DebugFiles::find_program(const DescribedFile& described,
                                                const std::string& build_id) {
  const std::string& path = described.path;
  const std::string name = last_part_of(path);
  std::vector<std::string> names;
  if (path.starts_with('/'))
    names.push_back(path);
  for (const char* const ending : {"", kDebugEnding}) {
    add_by_build_id(build_id, ending, names);
    for (const std::string& folder : folders_) {
      if (path.starts_with('/'))
        names.push_back(fmt::format("{}{}{}", folder, path, ending));
      names.push_back(fmt::format("{}/{}{}", folder, name, ending));
    }
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
  add_by_build_id(hex_of(links.supplementary_id), kDebugEnding, names);
  return open_all(described, std::move(names));
}

std::vector<DebugFile> DebugFiles::find_package(const DescribedFile& described,
                                                const std::string& path) {
  static constexpr const char* kEnding = ".dwp";
  std::vector<std::string> names{path + kEnding};
  if (path != described.path)
    names.push_back(described.path + kEnding);
  for (const std::string& folder : folders_)
    names.push_back(folder + described.path + kEnding);
  return open_all(described, std::move(names));
}

std::vector<DebugFile> DebugFiles::find_split(const DescribedFile& described,
                                              const std::string& path, const std::string& folder,
                                              const std::string& name) {
  if (!name.ends_with(".dwo") && !name.ends_with(".o"))
    return {};
  std::string built; // where the compiler wrote it
  if (name.starts_with('/'))
    built = name;
  else if (folder.starts_with('/'))
    built = folder + '/' + name;
  std::vector<std::string> names;
  if (!built.empty())
    names.push_back(built);
  const std::string beside = folder_of(path);
  if (beside + name != built && !name.starts_with('/'))
    names.push_back(beside + name);
  if (name.contains('/'))
    names.push_back(beside + last_part_of(name));
  if (!built.empty())
    for (const std::string& debug_folder : folders_)
      names.push_back(debug_folder + built);
  return open_all(described, std::move(names));
}

std::vector<DebugFile> DebugFiles::open_all(const DescribedFile& described,
                                            std::vector<std::string> names) {
  if (names.empty())
    return {};
  std::string key = names.front();
  auto files = calls_.value_of(
      std::move(key), described.uid, kDeadline,
      [names = std::move(names), pid = described.pid, root = described.owned_by_root] {
        std::vector<DebugFile> found;
        if (pid != 0)
          open_each(pid, root, names, found);
        open_each(0, root, names, found);
        return found;
      });
  return std::move(files).value_or(std::vector<DebugFile>());
}

} // namespace pprofd
