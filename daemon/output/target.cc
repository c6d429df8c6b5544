#include "daemon/output/target.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pprofd {

namespace {

struct FormatName {
  Format format;
  std::string_view name, ending;
};

constexpr std::array kFormats{
    FormatName{Format::Pprof, "pprof", ".pb.gz"}, FormatName{Format::Folded, "folded", ".folded"},
    FormatName{Format::Html, "html", ".html"}, FormatName{Format::Text, "text", ".txt"}};

constexpr const char* kDefaultStem = "profile";

bool is_folder(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

OutputTarget folder_target(const OutputRequest& request, std::string folder) {
  OutputTarget target;
  target.kind = request.merge ? OutputTarget::Kind::File : OutputTarget::Kind::Folder;
  target.folder = std::move(folder);
  target.stem = request.merge ? kDefaultStem : "";
  target.create_folder = true;
  return target;
}

Result<OutputTarget> stdout_target(const OutputRequest& request,
                                   const std::vector<Format>& formats) {
  if (formats.size() > 1)
    return fail("write to standard output", "several formats don't fit in one stream",
                "give one --format, or a file with --output");
  if (request.stdout_is_terminal && formats.front() == Format::Pprof)
    return fail("write to standard output", "a profile is binary, and this is a terminal",
                "pipe it on, give a file with --output, or choose --format text");
  OutputTarget target;
  target.kind = OutputTarget::Kind::Stdout;
  return target;
}

Result<OutputTarget> file_target(const OutputRequest& request, const std::vector<Format>& formats) {
  size_t slash = request.path.rfind('/');
  size_t begin = slash == std::string::npos ? 0 : slash + 1;
  std::string name = request.path.substr(begin);
  for (const FormatName& known : kFormats) {
    bool usable =
        known.format == Format::Pprof || std::ranges::find(formats, known.format) != formats.end();
    if (!usable || !name.ends_with(known.ending) || name.size() == known.ending.size())
      continue;
    OutputTarget target;
    target.kind = OutputTarget::Kind::File;
    target.folder = request.path.substr(0, begin);
    target.stem = name.substr(0, name.size() - known.ending.size());
    return target;
  }
  return fail("--output " + request.path, "neither a folder nor a name ending in .pb.gz",
              "end it in .pb.gz for one file, in / for a folder");
}

Result<OutputTarget> choose(const OutputRequest& request, const std::vector<Format>& formats) {
  if (request.path == "-")
    return stdout_target(request, formats);
  if (request.path.empty()) {
    if (!request.one_process && !request.merge)
      return folder_target(request, "profiles/");
    OutputTarget target;
    target.kind = OutputTarget::Kind::File;
    target.stem = kDefaultStem;
    return target;
  }
  if (request.path.ends_with('/') || is_folder(request.path))
    return folder_target(request, request.path);
  return file_target(request, formats);
}

} // namespace

Result<Format> parse_format(std::string_view name) {
  for (const FormatName& known : kFormats)
    if (known.name == name)
      return known.format;
  return fail("--format " + std::string(name), "there is no such format",
              "choose one of: pprof, folded, html, text");
}

std::string_view format_name(Format format) {
  for (const FormatName& known : kFormats)
    if (known.format == format)
      return known.name;
  return {};
}

std::string_view file_ending(Format format) {
  for (const FormatName& known : kFormats)
    if (known.format == format)
      return known.ending;
  return {};
}

Result<OutputTarget> choose_target(const OutputRequest& request) {
  std::vector<Format> formats = request.formats;
  if (formats.empty())
    formats.push_back(Format::Pprof);
  auto target = choose(request, formats);
  if (target)
    target->formats = std::move(formats);
  return target;
}

} // namespace pprofd
