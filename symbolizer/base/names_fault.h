// Why a file gives no names or no lines, in a word that can be counted. A sentence goes beside it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pprofd::symbolizer {

enum class NamesFault : uint8_t {
  kNone,
  kNoSymbols,          // it has none but of what it exports
  kNoDebugInformation, // it has none, and none was found elsewhere: names without lines
  kDamaged,            // some of it can't be read
  kTooLarge,           // it is more than the worker may hold
  kUnavailable,        // the file could not be opened
  kOtherBuild,         // the file that was opened is not the one that ran
  kNoAnswer,           // the worker did not answer: it ended, or was not waited for
  kNotFetched,         // there is none here, and servers that may have it have not given it so far
};
inline constexpr size_t kNamesFaults = 9;

// "no_symbols": in comments, summaries and metrics.
constexpr std::string_view name_of(NamesFault fault) {
  constexpr std::array<std::string_view, kNamesFaults> kNames = {
      "none",        "no_symbols", "no_debug_information", "damaged", "too_large", "unavailable",
      "other_build", "no_answer",  "not_fetched"};
  return kNames.at(static_cast<size_t>(fault));
}

} // namespace pprofd::symbolizer
