// Errors as values. A function that can fail for a reason outside the program returns Result<T>;
// exceptions are left to the libraries that throw them and are caught where they enter.
//
// An Error reads as the line the user will see:  pprofd: error: WHAT: WHY
// followed, where there is something to do, by:  hint: HINT
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace pprofd {

struct Error {
  std::string what; // what was being done, and to what: "open /proc/12/maps"
  std::string why;  // why it failed: "Permission denied"
  std::string hint; // what the user can do about it; may be empty
};

template <typename T> using Result = std::expected<T, Error>;

// The failure of a Result: `return fail("open " + path, "Permission denied", "run as root");`
inline std::unexpected<Error> fail(std::string what, std::string why, std::string hint = {}) {
  return std::unexpected(Error{std::move(what), std::move(why), std::move(hint)});
}

// The same with the text of an errno value as the reason.
std::unexpected<Error> fail_errno(std::string what, int error_number, std::string hint = {});

// What and why in one line, as far as there is a what.
std::string text_of(const Error& error);

// The text of an errno value. Safe to call from any thread.
std::string errno_text(int error_number);

} // namespace pprofd
