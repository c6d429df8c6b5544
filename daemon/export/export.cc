#include "daemon/export/export.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "daemon/output/folder.h"
#include "daemon/profile/path.h"
#include "daemon/profile/profile_file.h"
#include "daemon/profile/rows/compression.h"
#include "daemon/profile/rows/facts.h"
#include "daemon/profile/rows/rows.h"
#include "daemon/profile/table/function_graph.h"
#include "daemon/report/filter.h"

namespace pprofd {

namespace {

constexpr const char* kStandard = "-";

// The file that rows go to.
class RowFile {
public:
  static Result<RowFile> open(const std::string& path) {
    const std::string name(last_component(path));
    const std::string above = path.substr(0, path.size() - name.size());
    auto opened =
        Folder::open(above, above.empty() ? IfMissing::Fail : IfMissing::Create, sudo_owner());
    if (!opened)
      return std::unexpected(opened.error());
    auto folder = std::make_unique<Folder>(std::move(*opened));
    auto file = folder->create(name);
    if (!file)
      return std::unexpected(file.error());
    return RowFile(std::move(folder), std::move(*file), compression_of(name));
  }

  Result<void> write(std::string_view lines) {
    const auto bytes = compressed(lines, compression_);
    return bytes ? file_.write(*bytes) : std::unexpected(bytes.error());
  }

  Result<void> commit() {
    if (auto committed = file_.commit(); !committed)
      return committed;
    folder_->sync();
    return {};
  }

private:
  RowFile(std::unique_ptr<Folder> folder, OutputFile file, Compression compression)
      : folder_(std::move(folder)), file_(std::move(file)), compression_(compression) {}

  std::unique_ptr<Folder> folder_; // stays where it is: the file knows it
  OutputFile file_;
  Compression compression_;
};

Result<void> add_profile(const std::string& file, const std::string& sample_type,
                         RowWriter& writer) {
  auto profile = read_profile(file);
  if (!profile)
    return std::unexpected(profile.error());
  apply_drop_frames(*profile);
  const auto value = find_sample_type(*profile, sample_type);
  if (!value)
    return fail("export " + file + ": " + value.error().what, value.error().why,
                value.error().hint);
  return writer.add(*profile, *value, facts_of(*profile));
}

} // namespace

Result<void> export_profiles(const ExportOptions& options, const TextSink& data,
                             const ExportNotices& notices) {
  std::optional<RowFile> file;
  if (options.output != kStandard) {
    auto opened = RowFile::open(options.output);
    if (!opened)
      return std::unexpected(opened.error());
    file.emplace(std::move(*opened));
  }
  Result<void> written; // what ends it: the place that rows go to
  RowWriter writer(
      [&](std::string_view lines) { return written = file ? file->write(lines) : data(lines); });
  size_t failed = 0;
  for (const std::string& name : options.files) {
    const auto added = add_profile(name, options.sample_type, writer);
    if (!written || (!added && options.files.size() == 1))
      return added;
    if (added)
      continue;
    notices.warn(added.error());
    ++failed;
  }
  if (auto finished = writer.finish(); !finished)
    return finished;
  if (file)
    if (auto committed = file->commit(); !committed)
      return committed;
  const size_t done = options.files.size() - failed;
  if (file)
    notices.say(fmt::format("{}: {} rows of {} profile{}", options.output, writer.rows(), done,
                            done == 1 ? "" : "s"));
  if (failed != 0)
    return fail("export", fmt::format("{} of {} profiles failed", failed, options.files.size()));
  return {};
}

} // namespace pprofd
