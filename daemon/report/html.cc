#include "daemon/report/html.h"

#include <ostream>

#include "daemon/output/folder.h"
#include "daemon/profile/html/flame_graph_html.h"
#include "daemon/profile/profile_file.h"
#include "daemon/report/filter.h"
#include "daemon/report/input.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

std::string title_of(const ReportOptions& options, const proto::Profile& first) {
  std::string title = profile_title(first);
  if (options.files.size() > 1)
    title += " and " + std::to_string(options.files.size() - 1) + " more";
  return options.diff_base.empty() ? title : title + ", compared with " + options.diff_base;
}

// The options' files, then the base where there is one.
Result<std::vector<proto::Profile>> read_all(const ReportOptions& options) {
  std::vector<std::string> files = options.files;
  if (!options.diff_base.empty())
    files.push_back(options.diff_base);
  std::vector<proto::Profile> profiles;
  profiles.reserve(files.size());
  for (const std::string& file : files) {
    auto profile = read_profile(file);
    if (!profile)
      return std::unexpected(profile.error());
    apply_drop_frames(*profile);
    profiles.push_back(std::move(*profile));
  }
  std::vector<proto::Profile*> all;
  all.reserve(profiles.size());
  for (proto::Profile& profile : profiles)
    all.push_back(&profile);
  if (all.size() > 1)
    if (auto comparable = make_comparable(all); !comparable)
      return std::unexpected(comparable.error());
  for (proto::Profile& profile : profiles)
    if (auto filtered = filter_samples(profile, options.focus, options.ignore); !filtered)
      return std::unexpected(filtered.error());
  return profiles;
}

Result<std::string> html_of(const ReportOptions& options) {
  const auto profiles = read_all(options);
  if (!profiles)
    return std::unexpected(profiles.error());
  FlameGraphBuilder builder;
  for (size_t i = 0; i < profiles->size(); i++) {
    const auto side =
        i < options.files.size() ? FlameGraphBuilder::Side::kNow : FlameGraphBuilder::Side::kBase;
    if (auto added = builder.add((*profiles)[i], options.sample_type, side); !added)
      return std::unexpected(added.error());
  }
  return flame_graph_html(std::move(builder).finish(), title_of(options, profiles->front()));
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  if (name == path.size())
    return fail("--html " + path, "it is the name of a folder", "give the name of a file");
  const auto folder = Folder::open(path.substr(0, name), IfMissing::Fail, sudo_owner());
  if (!folder)
    return std::unexpected(folder.error());
  auto file = folder->create(path.substr(name));
  if (!file)
    return std::unexpected(file.error());
  if (auto written = file->write(bytes); !written)
    return written;
  return file->commit();
}

} // namespace

Result<void> report_html(const ReportOptions& options, std::ostream& out) {
  if (auto possible = check_html(); !possible)
    return possible;
  const auto html = html_of(options);
  if (!html)
    return std::unexpected(html.error());
  if (options.html_file != "-")
    return write_file(options.html_file, *html);
  out << *html;
  return {};
}

} // namespace pprofd
