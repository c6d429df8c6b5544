#include "daemon/cli/message.h"

#include <unistd.h>

#include <cerrno>

#include "daemon/cli/terminal.h"
#include "symbolizer/base/write_bytes.h"

namespace pprofd {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kCyan = "\x1b[1;36m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string visible(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      result.append("\\x").append({kHex[byte >> 4], kHex[byte & 15]});
    else
      result += c;
  }
  return result;
}

std::string painted(std::string_view text, std::string_view paint, bool colour) {
  if (!colour)
    return std::string(text);
  return std::string(paint).append(text).append(kPlain);
}

std::string message(std::string_view word, std::string_view paint, const Error& error,
                    bool colour) {
  std::string text = "pprofd: " + painted(word, paint, colour) + " " + visible(error.what);
  if (!error.why.empty())
    text += (error.what.empty() ? "" : ": ") + visible(error.why);
  text += '\n';
  if (!error.hint.empty())
    text += painted("hint:", kCyan, colour) + " " + visible(error.hint) + "\n";
  return text;
}

} // namespace

std::string error_text(const Error& error, bool colour) {
  return message("error:", kRed, error, colour);
}

std::string warning_text(const Error& error, bool colour) {
  return message("warning:", kYellow, error, colour);
}

void print_error(const Error& error) {
  [[maybe_unused]] int failure =
      write_bytes(STDERR_FILENO, error_text(error, use_colour(STDERR_FILENO)));
}

void print_warning(const Error& error) {
  [[maybe_unused]] int failure =
      write_bytes(STDERR_FILENO, warning_text(error, use_colour(STDERR_FILENO)));
}

Result<void> print_data(std::string_view text) {
  if (int error = write_bytes(STDOUT_FILENO, text); error != 0)
    return fail_errno("write to standard output", error);
  return {};
}

} // namespace pprofd
