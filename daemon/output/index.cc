#include "daemon/output/index.h"

#include <cstdio>

#include "daemon/profile/utf8.h"

namespace pprofd {

namespace {

std::string escape_byte(unsigned char byte) {
  switch (byte) {
  case '\t':
    return "\\t";
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\\':
    return "\\\\";
  default:
    break;
  }
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", byte);
  return text;
}

// How many bytes at the beginning are a character that may stand as it is; 0 for none.
size_t plain(std::string_view text) {
  size_t length = utf8_length(text);
  auto first = static_cast<unsigned char>(text.front());
  bool control = first < 0x20 || first == 0x7f || first == '\\';
  // U+0080…U+009F command terminals.
  bool c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
  return control || c1 ? 0 : length;
}

} // namespace

std::string escape_field(std::string_view field) {
  std::string escaped;
  while (!field.empty()) {
    size_t length = plain(field);
    if (length > 0)
      escaped += field.substr(0, length);
    else
      escaped += escape_byte(static_cast<unsigned char>(field.front()));
    field.remove_prefix(length > 0 ? length : 1);
  }
  return escaped;
}

std::string index_text(const std::vector<IndexRow>& rows, const KeyValues& machine) {
  std::string text = "pid\tstart_time\tcomm\texecutable\tbuild_id\tsamples\tfile\n";
  for (const IndexRow& row : rows) {
    text += std::to_string(row.pid) + '\t' + std::to_string(row.start_ticks) + '\t';
    text += escape_field(row.comm) + '\t' + escape_field(row.executable) + '\t';
    text += escape_field(row.build_id) + '\t' + std::to_string(row.samples) + '\t';
    text += escape_field(row.file) + '\n';
  }
  for (const auto& [key, value] : machine)
    text += "# " + escape_field(key) + '=' + escape_field(value) + '\n';
  return text;
}

} // namespace pprofd
