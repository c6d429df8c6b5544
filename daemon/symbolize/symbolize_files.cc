#include "daemon/symbolize/symbolize_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "daemon/debuginfod/debuginfod.h"
#include "daemon/output/folder.h"
#include "daemon/profile/path.h"
#include "daemon/profile/profile_file.h"
#include "daemon/symbolize/profile_symbolizer.h"

namespace pprofd {

namespace {

constexpr const char* kStandard = "-";
constexpr const char* kNameFolders =
    "name folders with the programs or their debug information with --debug-dir, or a server that "
    "has it with --debuginfod";

bool is_folder(const std::string& path) {
  struct ::stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Of a file that is replaced; nothing: there is none.
std::optional<struct ::stat> replaced_by(const std::string& path) {
  struct ::stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? std::optional(info) : std::nullopt;
}

// It stays its owner's, where we may say so.
std::optional<Owner> owner_of(const std::optional<struct ::stat>& replaced) {
  if (::geteuid() != 0 || !replaced)
    return sudo_owner();
  return Owner{.uid = replaced->st_uid, .gid = replaced->st_gid};
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  const std::string name(last_component(path));
  const std::string above = path.substr(0, path.size() - name.size());
  const auto replaced = replaced_by(path);
  const auto folder =
      Folder::open(above, above.empty() ? IfMissing::Fail : IfMissing::Create, owner_of(replaced));
  if (!folder)
    return std::unexpected(folder.error());
  auto file = folder->create(name);
  if (!file)
    return std::unexpected(file.error());
  if (replaced)
    file->set_permissions(replaced->st_mode & 0777);
  if (auto written = file->write(bytes); !written)
    return written;
  if (auto committed = file->commit(); !committed)
    return committed;
  folder->sync();
  return {};
}

class FileSymbolizer {
public:
  FileSymbolizer(const SymbolizeFilesOptions& options, const TextSink& data,
                 const SymbolizeNotices& notices, std::optional<IndexCache> indexes)
      : options_(options), data_(data), notices_(notices),
        servers_(Debuginfod::create(
            {.choice = options.debuginfod, .cache_folder = options.indexes.folder})),
        profiles_(options.demangle, options.debug_folders, std::move(indexes), servers_.get()),
        into_folder_(options.output.ends_with('/') || is_folder(options.output)) {}

  void finish() { profiles_.finish(); }

  Result<void> run(const std::string& file) {
    auto profile = read_profile(file);
    if (!profile)
      return std::unexpected(profile.error());
    const SymbolizedProfile outcome = profiles_.symbolize(*profile);
    if (servers_ != nullptr)
      for (const Error& trouble : servers_->take_troubles())
        notices_.warn(trouble);
    tell(file, outcome);
    if (outcome.nameless != 0 && outcome.named == 0)
      return fail("symbolize " + file, "none of its addresses got a name", kNameFolders);
    return outcome.changed == 0 && is_in_place(file) ? Result<void>() : write(file, *profile);
  }

private:
  [[nodiscard]] bool is_in_place(const std::string& file) const {
    return options_.output.empty() && file != kStandard;
  }

  [[nodiscard]] std::string target_of(const std::string& file) const {
    if (options_.output.empty())
      return file;
    if (!into_folder_)
      return options_.output;
    const bool slash = options_.output.ends_with('/');
    return options_.output + (slash ? "" : "/") + std::string(last_component(file));
  }

  Result<void> write(const std::string& file, const perftools::profiles::Profile& profile) {
    const auto bytes = serialize_gzip(profile);
    if (!bytes)
      return std::unexpected(bytes.error());
    const std::string target = target_of(file);
    return target == kStandard ? data_(*bytes) : write_file(target, *bytes);
  }

  void tell(const std::string& file, const SymbolizedProfile& outcome) {
    for (const auto& missing : outcome.missing)
      notices_.warn({"symbolize " + file + ": " + missing.file, missing.why, ""});
    if (outcome.nameless == 0) {
      notices_.say(file + ": nothing to name, its mappings have functions");
      return;
    }
    const bool help = !outcome.missing.empty() && outcome.named != 0;
    notices_.say(fmt::format("{}: {} of {} addresses named{}{}", file, outcome.named,
                             outcome.nameless, help ? "; for the others, " : "",
                             help ? kNameFolders : ""));
  }

  const SymbolizeFilesOptions& options_;
  const TextSink& data_;
  const SymbolizeNotices& notices_;
  std::unique_ptr<Debuginfod> servers_; // nullptr: none
  ProfileSymbolizer profiles_;
  bool into_folder_;
};

} // namespace

Result<void> symbolize_files(const SymbolizeFilesOptions& options, const TextSink& data,
                             const SymbolizeNotices& notices) {
  auto indexes = IndexCache::open_chosen(options.indexes);
  if (!indexes)
    return std::unexpected(indexes.error());
  FileSymbolizer symbolizer(options, data, notices, std::move(*indexes));
  size_t failed = 0;
  for (const std::string& file : options.files) {
    const auto done = symbolizer.run(file);
    if (done)
      continue;
    if (options.files.size() == 1)
      return done;
    notices.warn(done.error());
    ++failed;
  }
  symbolizer.finish();
  if (failed != 0)
    return fail("symbolize", fmt::format("{} of {} profiles failed", failed, options.files.size()));
  return {};
}

} // namespace pprofd
