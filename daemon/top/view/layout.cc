#include "daemon/top/view/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "daemon/sampling/reasons.h"

namespace pprofd::top {

namespace {

// Above which share of incomplete stacks one has to be warned: totals are too low by that much.
constexpr double kIncompleteToWarn = 0.01;
constexpr double kHotShare = 0.1;
constexpr double kWarmShare = 0.02;
constexpr std::string_view kBetween = "  ";
constexpr size_t kLeastOfLastColumn = 16;

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : double(part) / double(whole);
}

struct Part {
  std::string text;
  Style style = Style::kPlain;
};

std::vector<Part> state_parts(const LiveSamples& samples, const Status& status) {
  std::vector<Part> parts;
  if (samples.paused())
    parts.push_back({status.ended ? "ENDED" : "PAUSED", Style::kWarning});
  if (samples.intervals().empty()) {
    parts.push_back({"collecting"});
    return parts;
  }
  const double seconds = std::chrono::duration<double>(samples.duration()).count();
  parts.push_back({fmt::format("last {:.1f}s", seconds)});
  if (status.cpu_time)
    parts.push_back(
        {fmt::format("{:.1f}% CPU", 100 * double(whole_value(samples)) / 1e9 / seconds)});
  parts.push_back({fmt::format("{} samples", samples.accounting().written())});
  const size_t processes = process_figures(samples).size();
  parts.push_back({fmt::format("{} process{}", processes, processes == 1 ? "" : "es")});
  parts.push_back({status.event.empty()
                       ? fmt::format("{} Hz", status.frequency)
                       : fmt::format("{} at {} Hz", status.event, status.frequency)});
  return parts;
}

std::string reason_of(const SampleAccounting& accounting) {
  size_t most = 0;
  for (size_t at = 0; at < accounting.stack_ends.size(); ++at) {
    const bool counts = !is_complete(static_cast<pprofd_stack_end>(at));
    if (counts && (is_complete(static_cast<pprofd_stack_end>(most)) ||
                   accounting.stack_ends.at(at) > accounting.stack_ends.at(most)))
      most = at;
  }
  return std::string(stack_end_name(static_cast<pprofd_stack_end>(most)));
}

std::vector<Part> quality_parts(const LiveSamples& samples) {
  const SampleAccounting accounting = samples.accounting();
  const uint64_t written = accounting.written();
  const uint64_t incomplete = written - accounting.complete();
  std::vector<Part> parts;
  const double share = ratio(incomplete, written);
  if (incomplete == 0)
    parts.push_back({written == 0 ? "no stacks" : "all stacks complete"});
  else
    parts.push_back(
        {fmt::format("{:.1f}% of stacks incomplete, most: {}", 100 * share, reason_of(accounting)),
         share >= kIncompleteToWarn ? Style::kWarning : Style::kPlain});
  const uint64_t dropped = accounting.dropped() + samples.unattributed_drops();
  std::string text = fmt::format("{} dropped", dropped);
  if (dropped != 0)
    text += fmt::format(" ({:.1f}%)", 100 * ratio(dropped, written + dropped));
  parts.push_back({std::move(text), dropped == 0 ? Style::kPlain : Style::kWarning});
  return parts;
}

std::string join(const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts)
    text.append(text.empty() ? "" : kBetween).append(part.text);
  return text;
}

// Which of the screen's lines there is room for.
struct Lines {
  bool state, quality, title, columns, keys;
  [[nodiscard]] size_t count() const {
    return size_t{state} + size_t{quality} + size_t{title} + size_t{columns} + size_t{keys};
  }
};

Lines lines_for(const Size& size) {
  return {.state = size.lines >= 5,
          .quality = size.lines >= 2,
          .title = size.lines >= 6,
          .columns = size.lines >= 4,
          .keys = size.lines >= 8};
}

class Composer {
public:
  Composer(const LiveSamples& samples, const Status& status, const Table& table, ViewState& state,
           const Size& size, bool ascii)
      : samples_(samples), status_(status), table_(table), state_(state), size_(size),
        ascii_(ascii) {}

  Screen compose() {
    if (state_.shows_help())
      return help();
    const Lines lines = lines_for(size_);
    if (lines.state)
      add_parts(state_parts(samples_, status_), Style::kStrong);
    if (lines.quality)
      add_parts(quality_parts(samples_), Style::kPlain);
    if (lines.title)
      add_title();
    const std::vector<size_t> widths = column_widths();
    if (lines.columns)
      add_columns(widths);
    add_rows(widths, rows_on(size_));
    if (lines.keys)
      add_keys();
    if (const auto& typed = state_.typed())
      add_prompt(*typed);
    return std::move(screen_);
  }

private:
  [[nodiscard]] std::string shown(std::string_view text) const { return clean(text, ascii_); }
  [[nodiscard]] std::string cut_to(std::string_view text, size_t columns) const {
    return cut(text, columns, ascii_);
  }

  void add_parts(const std::vector<Part>& parts, Style plain) {
    Line line;
    size_t left = size_.columns;
    for (const Part& part : parts) {
      const std::string between(line.empty() ? "" : kBetween);
      const std::string text = shown(part.text);
      if (!line.empty() && width_of(text) + between.size() > left)
        break;
      const std::string fitting = cut_to(text, left - between.size());
      line.push_back({between, plain});
      line.push_back({fitting, part.style == Style::kPlain ? plain : part.style});
      left -= std::min(left, between.size() + width_of(fitting));
    }
    screen_.lines.push_back(std::move(line));
  }

  void add_title() {
    std::vector<Part> parts{{table_.title}};
    if (!state_.filter().empty())
      parts.push_back({fmt::format("only /{}/ ({} hidden)", state_.filter().text(), table_.hidden),
                       Style::kWarm});
    if (!state_.settings().kernel)
      parts.push_back({"no kernel", Style::kWarm});
    if (!state_.settings().user)
      parts.push_back({"no programs", Style::kWarm});
    add_parts(parts, Style::kPlain);
  }

  // 0: left out.
  [[nodiscard]] std::vector<size_t> column_widths() const {
    const auto& columns = table_.columns;
    std::vector<size_t> widths;
    for (size_t at = 0; at < columns.size(); ++at) {
      size_t width = width_of(columns[at].title);
      if (at + 1 != columns.size())
        for (const Row& row : table_.rows)
          width = std::max(width, std::min(columns[at].most, width_of(shown(row.cells[at]))));
      widths.push_back(std::max(width, size_t{1}));
    }
    if (!widths.empty())
      fit_columns(widths);
    return widths;
  }

  void fit_columns(std::vector<size_t>& widths) const {
    const auto used = [&] { // by all but the last one
      size_t sum = 0;
      for (size_t at = 0; at + 1 < widths.size(); ++at)
        sum += widths[at] == 0 ? 0 : widths[at] + kBetween.size();
      return sum;
    };
    while (used() + kLeastOfLastColumn > size_.columns) {
      size_t goes = widths.size();
      for (size_t at = 0; at < widths.size(); ++at) {
        if (widths[at] != 0 && table_.columns[at].gives_way != 0 &&
            (goes == widths.size() ||
             table_.columns[at].gives_way > table_.columns[goes].gives_way))
          goes = at;
      }
      if (goes == widths.size())
        break;
      widths[goes] = 0;
    }
    if (widths.back() != 0)
      widths.back() = size_.columns - std::min(size_.columns, used());
  }

  [[nodiscard]] std::string line_of(const std::vector<std::string>& cells,
                                    const std::vector<size_t>& widths) const {
    std::string text;
    for (size_t at = 0; at < cells.size(); ++at) {
      if (widths[at] == 0)
        continue;
      if (!text.empty())
        text += kBetween;
      text += fit(shown(cells[at]), widths[at], table_.columns[at].align, ascii_);
    }
    return fit(text, size_.columns, Align::kLeft, ascii_);
  }

  void add_columns(const std::vector<size_t>& widths) {
    std::vector<std::string> titles;
    titles.reserve(table_.columns.size());
    for (const Column& column : table_.columns)
      titles.push_back(column.title);
    screen_.lines.push_back({{line_of(titles, widths), Style::kBar}});
  }

  [[nodiscard]] static Style style_of(const Row& row) {
    if (row.marked)
      return Style::kStrong;
    if (row.share >= kHotShare)
      return Style::kHot;
    return row.share >= kWarmShare ? Style::kWarm : Style::kPlain;
  }

  void add_rows(const std::vector<size_t>& widths, size_t page) {
    const size_t first = state_.first_shown(table_, page);
    const size_t selected = state_.selected(table_);
    for (size_t line = 0; line < page; ++line) {
      const size_t at = first + line;
      if (at >= table_.rows.size()) {
        screen_.lines.push_back(line == 0 ? Line{{nothing(), Style::kDim}} : Line{});
        continue;
      }
      const Row& row = table_.rows[at];
      screen_.lines.push_back(
          {{line_of(row.cells, widths), at == selected ? Style::kSelected : style_of(row)}});
    }
  }

  [[nodiscard]] std::string nothing() const {
    if (samples_.intervals().empty())
      return cut_to("collecting the first samples", size_.columns);
    return cut_to(table_.hidden != 0 ? "nothing matches the filter" : "no samples in this time",
                  size_.columns);
  }

  void add_keys() {
    if (!status_.notice.empty()) {
      screen_.lines.push_back({{cut_to(shown(status_.notice), size_.columns), Style::kWarning}});
      return;
    }
    std::vector<Part> keys{{"? help"}, {"q quit"}, {"1 functions"}, {"2 processes"}, {"3 threads"}};
    if (state_.depth() > 1)
      keys.insert(keys.begin(), {"Esc back"});
    for (const char* key : {"Enter open", "s sort", "/ filter", "Space pause"})
      keys.push_back({key});
    add_parts(keys, Style::kDim);
  }

  // In the last line, whatever stood there.
  void add_prompt(const std::string& text) {
    const std::string typed = "filter: " + shown(text);
    // Of text that is too long the end is seen.
    std::string_view seen = typed;
    while (!seen.empty() && width_of(seen) + 1 > size_.columns)
      seen.remove_prefix(std::max(size_t{1}, next_character(seen)));
    screen_.lines.back() = {{std::string(seen), Style::kStrong}};
    screen_.cursor = {screen_.lines.size() - 1, width_of(seen)};
  }

  static size_t next_character(std::string_view text) {
    size_t length = 1;
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
      ++length;
    return length;
  }

  Screen help() const {
    Screen screen;
    size_t keys = 0;
    for (const KeyHelp& each : key_help())
      keys = std::max(keys, each.keys.size());
    const auto add = [&](const std::string& text, Style style) {
      if (screen.lines.size() < size_.lines)
        screen.lines.push_back({{cut_to(text, size_.columns), style}});
    };
    add("pprofd top: keys", Style::kStrong);
    for (const KeyHelp& each : key_help())
      add(fmt::format("{:{}}  {}", each.keys, keys, each.does), Style::kPlain);
    add("", Style::kPlain);
    add("SELF%: in the function itself; TOTAL%: in it and what it calls; both of the samples",
        Style::kDim);
    add("of the last seconds that are in view. CPU% is of one CPU. Any key goes on.", Style::kDim);
    return screen;
  }

  const LiveSamples& samples_;
  const Status& status_;
  const Table& table_;
  ViewState& state_;
  Size size_;
  bool ascii_;
  Screen screen_;
};

} // namespace

size_t rows_on(const Size& size) {
  return size.lines - std::min(size.lines, lines_for(size).count());
}

Screen layout(const LiveSamples& samples, const Status& status, const Table& table,
              ViewState& state, const Size& size, bool ascii) {
  return Composer(samples, status, table, state, size, ascii).compose();
}

std::string state_text(const LiveSamples& samples, const Status& status) {
  return join(state_parts(samples, status));
}

std::string quality_text(const LiveSamples& samples) {
  return join(quality_parts(samples));
}

} // namespace pprofd::top
