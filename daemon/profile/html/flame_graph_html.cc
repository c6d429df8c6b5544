#include "daemon/profile/html/flame_graph_html.h"

#include <algorithm>
#include <ctime>

#include "daemon/profile/flamegraph/json.h"
#include "daemon/profile/table/units.h"
#include "daemon/profile/utf8.h"
#include "daemon/serve/page/page_files.h"

namespace pprofd {

namespace {

std::string escaped_text(std::string_view text) {
  std::string escaped;
  for (const char c : to_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '<' || c == '>' || c == '&' || c == '"')
      escaped.append("&#").append(std::to_string(byte)).append(";");
    else
      escaped += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  return escaped;
}

// JSON has these characters in strings only, where they may be written so.
std::string without_markup(std::string_view json) {
  std::string safe;
  safe.reserve(json.size() + json.size() / 16);
  for (const char c : json)
    if (c == '<')
      safe += "\\u003c";
    else if (c == '>')
      safe += "\\u003e";
    else if (c == '&')
      safe += "\\u0026";
    else
      safe += c;
  return safe;
}

const std::string& text(const perftools::profiles::Profile& profile, int64_t index) {
  return profile.string_table(static_cast<int>(index));
}

std::string comment_value(const perftools::profiles::Profile& profile, std::string_view key) {
  for (const int64_t index : profile.comment()) {
    const std::string_view comment = text(profile, index);
    if (comment.starts_with(key) && comment.substr(key.size()).starts_with('='))
      return std::string(comment.substr(key.size() + 1));
  }
  return {};
}

std::string main_executable(const perftools::profiles::Profile& profile) {
  const std::string file =
      profile.mapping_size() > 0 ? text(profile, profile.mapping(0).filename()) : "";
  const std::string name = file.substr(file.rfind('/') + 1);
  return name.empty() ? "profile" : name;
}

// Whether samples carry their process, as in a profile of several.
bool has_processes(const perftools::profiles::Profile& profile) {
  return std::ranges::any_of(profile.sample(), [&](const auto& sample) {
    return std::ranges::any_of(
        sample.label(), [&](const auto& label) { return text(profile, label.key()) == "comm"; });
  });
}

std::string utc_time(int64_t nanoseconds) {
  const std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm parts{};
  char buffer[64];
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
    return "at an unknown time";
  return buffer;
}

} // namespace

std::string fill_template(std::string_view html_template, std::string_view title,
                          std::string_view json) {
  std::string html;
  html.reserve(html_template.size() + json.size());
  while (!html_template.empty()) {
    const size_t title_at = html_template.find(kTitleGap);
    const size_t data_at = html_template.find(kDataGap);
    const size_t gap = std::min(title_at, data_at);
    html += html_template.substr(0, gap);
    if (gap == std::string_view::npos)
      break;
    html += gap == title_at ? escaped_text(title) : without_markup(json);
    html_template.remove_prefix(gap + (gap == title_at ? kTitleGap : kDataGap).size());
  }
  return html;
}

Result<void> check_html() {
  if (flame_graph_template().empty())
    return std::unexpected(why_no_page());
  return {};
}

Result<std::string> flame_graph_html(const FlameGraph& graph, std::string_view title) {
  if (auto possible = check_html(); !possible)
    return std::unexpected(possible.error());
  return fill_template(flame_graph_template(), title, flame_graph_json(graph));
}

Result<std::string> profile_html(const perftools::profiles::Profile& profile) {
  FlameGraphBuilder builder;
  if (auto added = builder.add(profile, ""); !added)
    return std::unexpected(added.error());
  return flame_graph_html(std::move(builder).finish(), profile_title(profile));
}

std::string profile_title(const perftools::profiles::Profile& profile) {
  std::string title = comment_value(profile, "comm");
  if (title.empty())
    title = has_processes(profile) ? "several processes" : main_executable(profile);
  if (const std::string pid = comment_value(profile, "pid"); !pid.empty())
    title += " (" + pid + ")";
  if (profile.time_nanos() > 0)
    title += ", " + utc_time(profile.time_nanos());
  if (profile.duration_nanos() > 0)
    title += ", " + humanize(profile.duration_nanos(), "nanoseconds");
  return title;
}

} // namespace pprofd
