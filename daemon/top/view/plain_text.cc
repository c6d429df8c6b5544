#include "daemon/top/view/plain_text.h"

#include <algorithm>
#include <span>
#include <vector>

namespace pprofd::top {

namespace {

using Cells = std::vector<std::string>;

Cells clean_cells(const Cells& cells) {
  Cells result;
  for (const std::string& cell : cells)
    result.push_back(clean(cell));
  return result;
}

void add_line(const Cells& cells, const std::vector<size_t>& widths,
              const std::vector<Column>& columns, std::string& text) {
  std::string line;
  for (size_t at = 0; at < cells.size(); ++at) {
    const bool last = at + 1 == cells.size();
    line += at == 0 ? "" : "  ";
    line += last ? cells[at] : fit(cells[at], widths[at], columns[at].align);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

} // namespace

std::string plain_text(const LiveSamples& samples, const Status& status, const Table& table,
                       size_t rows, std::string_view time) {
  std::string text = std::string(time) + "  " + state_text(samples, status) + '\n' +
                     quality_text(samples) + '\n' + clean(table.title) + '\n';
  std::vector<Cells> lines;
  Cells& titles = lines.emplace_back();
  for (const Column& column : table.columns)
    titles.push_back(column.title);
  for (const Row& row : std::span(table.rows).first(std::min(rows, table.rows.size())))
    lines.push_back(clean_cells(row.cells));
  std::vector<size_t> widths(table.columns.size());
  for (const Cells& line : lines) {
    for (size_t at = 0; at < line.size(); ++at)
      widths[at] = std::max(widths[at], width_of(line[at]));
  }
  for (const Cells& line : lines)
    add_line(line, widths, table.columns, text);
  return text + '\n';
}

} // namespace pprofd::top
