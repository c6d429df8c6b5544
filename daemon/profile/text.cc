#include "daemon/profile/text.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <ostream>

#include "daemon/profile/saturating.h"
#include "daemon/profile/string_table.h"
#include "daemon/profile/table/padded.h"
#include "daemon/profile/table/short_name.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

std::string local_time(int64_t nanoseconds) {
  std::time_t seconds = nanoseconds / 1'000'000'000;
  std::tm parts{};
  char buffer[64];
  if (localtime_r(&seconds, &parts) == nullptr ||
      std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S %Z", &parts) == 0)
    return "unknown";
  return buffer;
}

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(' '));
  return text;
}

const char* inlining_note(Inlining inlining) {
  switch (inlining) {
  case Inlining::Never:
    return "";
  case Inlining::Sometimes:
    return " (partial-inline)";
  case Inlining::Always:
    return " (inline)";
  }
  return "";
}

void write_duration(const proto::Profile& profile, int value_index, int64_t total,
                    const ValueFormat& format, std::ostream& out) {
  if (profile.duration_nanos() == 0)
    return;
  out << "Duration: " << humanize(profile.duration_nanos(), "nanoseconds")
      << ", total samples: " << format(total);
  const std::string& unit = text(profile, profile.sample_type(value_index).unit());
  if (double ratio = unit_ratio(unit, "nanoseconds"); ratio > 0) {
    double nanoseconds = static_cast<double>(total) * ratio;
    if (nanoseconds < 9e18)
      out << " ("
          << trimmed(percentage(static_cast<int64_t>(nanoseconds), profile.duration_nanos()))
          << ")";
  }
  out << '\n';
}

} // namespace

std::string display_name(std::string_view name, bool long_names) {
  std::string shown = long_names ? std::string(name) : short_name(name);
  for (size_t i = 0; i < shown.size(); i++) {
    auto c = static_cast<unsigned char>(shown[i]);
    if (c < 0x20 || c == 0x7f)
      shown[i] = ' ';
    // U+0080…U+009F command terminals as well.
    if (c == 0xc2 && i + 1 < shown.size() && static_cast<unsigned char>(shown[i + 1]) < 0xa0)
      shown.replace(i, 2, "  ");
  }
  return shown;
}

std::string display_name(const FunctionNode& function, bool long_names) {
  const std::string name = display_name(function.name, long_names);
  return function.place.empty() ? name : name + " " + display_name(function.place, true);
}

size_t shown_functions(const FunctionGraph& graph, size_t top) {
  return top == 0 ? graph.functions.size() : std::min(top, graph.functions.size());
}

ValueFormat table_format(const proto::Profile& profile, int value_index, const FunctionGraph& graph,
                         size_t shown, int64_t total) {
  int64_t least = 0;
  for (size_t i = 0; i < shown; i++) {
    const FunctionNode& function = graph.functions[i];
    int64_t value = magnitude(function.flat != 0 ? function.flat : function.cum);
    if (value > 0 && (least == 0 || value < least))
      least = value;
  }
  return {text(profile, profile.sample_type(value_index).unit()), least != 0 ? least : total,
          total};
}

void write_heading(const proto::Profile& profile, const TextOptions& options,
                   const FunctionGraph& graph, size_t shown, const ValueFormat& format,
                   std::ostream& out) {
  int64_t total = options.total.value_or(total_value(profile, options.value_index));
  if (profile.mapping_size() > 0 && profile.mapping(0).filename() != 0) {
    const std::string& file = text(profile, profile.mapping(0).filename());
    out << "File: " << display_name(file.substr(file.rfind('/') + 1), true) << '\n';
  }
  out << "Type: "
      << display_name(text(profile, profile.sample_type(options.value_index).type()), true) << '\n';
  if (profile.time_nanos() != 0)
    out << "Time: " << local_time(profile.time_nanos()) << '\n';
  write_duration(profile, options.value_index, total, format, out);
  for (const std::string& note : options.notes)
    out << note << '\n';
  int64_t accounted = 0;
  for (size_t i = 0; i < shown; i++)
    accounted = saturating_add(accounted, graph.functions[i].flat);
  out << "Showing " << shown << " of " << graph.functions.size()
      << (options.granularity == Granularity::Lines ? " lines, " : " functions, ")
      << format(accounted) << " (" << trimmed(percentage(accounted, total)) << ") of "
      << format(total) << '\n';
}

void write_text(const proto::Profile& profile, const TextOptions& options, std::ostream& out) {
  FunctionGraph graph = function_graph(profile, options.value_index, options.granularity);
  int64_t total = options.total.value_or(total_value(profile, options.value_index));
  size_t shown = shown_functions(graph, options.top);
  ValueFormat format = table_format(profile, options.value_index, graph, shown, total);
  write_heading(profile, options, graph, shown, format, out);
  out << "      flat  flat%   sum%        cum   cum%\n";
  int64_t sum = 0;
  for (size_t i = 0; i < shown; i++) {
    const FunctionNode& function = graph.functions[i];
    sum = saturating_add(sum, function.flat);
    out << padded(format(function.flat), 10) << ' ' << percentage(function.flat, total) << ' '
        << percentage(sum, total) << ' ' << padded(format(function.cum), 10) << ' '
        << percentage(function.cum, total) << "  " << display_name(function, options.long_names)
        << inlining_note(function.inlining) << '\n';
  }
}

} // namespace pprofd
