#include "daemon/report/source.h"

#include <algorithm>
#include <limits>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/profile/saturating.h"
#include "daemon/profile/table/padded.h"
#include "daemon/profile/utf8.h"
#include "daemon/report/expression.h"
#include "daemon/report/source_lines.h"
#include "symbolizer/base/read_bytes.h"
#include "symbolizer/base/regular_file.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

constexpr int64_t kMargin = 5;                // lines around those with samples
constexpr uint64_t kLargestSource = 64 << 20; // bytes
constexpr int64_t kMostLines = 100'000;       // of one function
constexpr size_t kTab = 8;                    // columns
constexpr size_t kNumbers = 10;               // columns of a value

// Line numbers, the last included. Some line of the function is known.
struct Extent {
  int64_t first = 0;
  int64_t last = 0;
};

Extent extent_of(const SourceFunction& function) {
  const int64_t least = function.lines.upper_bound(0)->first;
  const int64_t greatest = function.lines.rbegin()->first;
  const bool starts = function.start_line > 0 && function.start_line <= least;
  Extent extent{.first = starts ? function.start_line : saturating_subtract(least, kMargin),
                .last = saturating_add(greatest, kMargin)};
  extent.first = std::max<int64_t>(extent.first, 1);
  extent.last = std::min(extent.last, saturating_add(extent.first, kMostLines));
  return extent;
}

std::string with_blanks(std::string_view line) {
  std::string text;
  for (const char c : line) {
    if (c == '\t')
      text.append(kTab - text.size() % kTab, ' ');
    else
      text += c;
  }
  return text;
}

struct SourceText {
  std::vector<std::string> lines; // of the extent
  bool changed = false;           // after the profile was taken
};

Result<SourceText> read_source(const std::string& path, Extent extent, int64_t taken) {
  const std::string what = "read " + path;
  const auto file = open_regular_file(path, what);
  if (!file)
    return std::unexpected(file.error());
  if (file->size > kLargestSource)
    return fail(what, "it is larger than 64 MB");
  const auto bytes = read_bytes(file->fd.get(), 0, file->size, what);
  if (!bytes)
    return std::unexpected(bytes.error());
  SourceText source{.lines = {}, .changed = taken != 0 && file->modified > taken};
  std::string_view rest = *bytes;
  for (int64_t number = 1; number <= extent.last && !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (number >= extent.first)
      source.lines.push_back(display_name(to_utf8(with_blanks(rest.substr(0, end))), true));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return source;
}

class SourceWriter {
public:
  SourceWriter(const proto::Profile& profile, const TextOptions& options, ValueFormat format,
               int64_t total, std::ostream& out)
      : profile_(profile), options_(options), format_(std::move(format)), total_(total), out_(out) {
  }

  void write(const SourceFunction& function) {
    out_ << '\n' << display_name(function.name, options_.long_names);
    if (!function.file.empty())
      out_ << " in " << display_name(function.file, true);
    out_ << "\nflat " << format_(function.flat) << share(function.flat) << ", cum "
         << format_(function.cum) << share(function.cum) << '\n';
    const bool known = function.lines.rbegin()->first > 0 && !function.file.empty();
    if (!known) {
      out_ << "its source is not known\n";
      return;
    }
    if (const auto unknown = function.lines.find(0); unknown != function.lines.end())
      out_ << "of that, at lines that are not known: flat " << format_(unknown->second.flat)
           << ", cum " << format_(unknown->second.cum) << '\n';
    const Extent extent = extent_of(function);
    const int64_t taken = saturating_add(profile_.time_nanos(), profile_.duration_nanos());
    const auto source = read_source(function.file, extent, taken);
    if (source)
      write_text(function, extent, *source);
    else
      write_numbers(function, source.error().why);
  }

private:
  void write_text(const SourceFunction& function, Extent extent, const SourceText& source) {
    if (source.changed)
      out_ << "the file was changed after the profile was taken\n";
    heading();
    int64_t number = extent.first;
    for (const std::string& text : source.lines) {
      const auto found = function.lines.find(number);
      line(found == function.lines.end() ? LineValues() : found->second, number, text);
      ++number;
    }
    for (const auto& [beyond, values] : function.lines)
      if (beyond >= number)
        line(values, beyond, "(behind the file's end)");
  }

  void write_numbers(const SourceFunction& function, const std::string& why) {
    out_ << "its source can't be shown: " << why << '\n';
    heading();
    for (const auto& [number, values] : function.lines)
      if (number > 0)
        line(values, number, "");
  }

  void heading() { out_ << "      flat        cum   line\n"; }

  void line(const LineValues& values, int64_t number, std::string_view text) {
    out_ << value(values.flat) << ' ' << value(values.cum) << ' '
         << padded(std::to_string(number), 6);
    if (!text.empty())
      out_ << "  " << text;
    out_ << '\n';
  }

  [[nodiscard]] std::string value(int64_t value) const {
    return padded(value == 0 ? "." : format_(value), kNumbers);
  }

  [[nodiscard]] std::string share(int64_t value) const {
    std::string text = percentage(value, total_);
    text.erase(0, text.find_first_not_of(' '));
    return " (" + text + ")";
  }

  const proto::Profile& profile_;
  const TextOptions& options_;
  ValueFormat format_;
  int64_t total_;
  std::ostream& out_;
};

// The format that suits the least value of a line.
ValueFormat format_for(const proto::Profile& profile, int value_index,
                       const std::vector<SourceFunction>& functions, int64_t total) {
  int64_t least = std::numeric_limits<int64_t>::max();
  for (const SourceFunction& function : functions)
    for (const auto& [number, values] : function.lines)
      for (const int64_t value : {magnitude(values.flat), magnitude(values.cum)})
        if (value != 0)
          least = std::min(least, value);
  const int64_t unit = profile.sample_type(value_index).unit();
  return {profile.string_table(static_cast<int>(unit)), std::min(least, magnitude(total)), total};
}

} // namespace

Result<void> write_source(const proto::Profile& profile, const TextOptions& options,
                          const std::string& functions, std::ostream& out) {
  const auto expression = read_expression("--source", functions);
  if (!expression)
    return std::unexpected(expression.error());
  const auto found = source_functions(profile, options.value_index, [&](std::string_view name) {
    return RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), **expression);
  });
  if (found.empty())
    return fail("--source " + functions, "no function of the profile matches",
                "pprofd report lists the functions");
  const int64_t total = options.total.value_or(total_value(profile, options.value_index));
  const ValueFormat format = format_for(profile, options.value_index, found, total);
  out << "Type: "
      << display_name(profile.string_table(
                          static_cast<int>(profile.sample_type(options.value_index).type())),
                      true)
      << "\nTotal: " << format(total) << '\n';
  for (const std::string& note : options.notes)
    out << note << '\n';
  SourceWriter writer(profile, options, format, total, out);
  for (const SourceFunction& function : found)
    writer.write(function);
  return {};
}

} // namespace pprofd
