// What is sent to a backend, what comes back, and what follows from it. Plain data; pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pprofd::ship {

struct Parcel {
  std::string url; // of a `file` target: the path below its folder
  std::string method = "POST";
  std::vector<std::string> headers; // "Name: value"
  std::string body;
  uint64_t cost = 0; // bytes that count for the target's rate
};

struct Reply {
  int status = 0;      // HTTP's; 0: there was no answer
  std::string problem; // why there was none
  std::string body;    // the beginning of it
  std::optional<std::chrono::seconds> retry_after;
};

// Sends one parcel and calls `done` once, later or at once.
using Send = std::function<void(Parcel parcel, std::function<void(const Reply&)> done)>;

enum class Verdict {
  kTaken,
  kRefused,     // this one never will be: 400, 413, 422 and the like
  kNotNow,      // it may be later
  kNotLikeThis, // credentials or address are wrong: nothing is lost, somebody has to act
};

Verdict verdict_of(const Reply& reply);

// One line for log and file: the status and the beginning of the body, without control characters
// and without `secrets`.
std::string reason_of(const Reply& reply, const std::vector<std::string>& secrets);

} // namespace pprofd::ship
