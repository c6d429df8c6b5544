// Frames without names or without lines, by reason. Plain data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace pprofd {

// Whose code a frame is of.
enum class CodeKind : uint8_t {
  kNative, // in a file, or in no mapping
  kKernel,
  kJit, // in no file
};
inline constexpr size_t kCodeKinds = 3;

// "native": in metrics.
constexpr std::string_view name_of(CodeKind kind) {
  constexpr std::array<std::string_view, kCodeKinds> kNames = {"native", "kernel", "jit"};
  return kNames.at(static_cast<size_t>(kind));
}

// Frames of all samples, by CodeKind.
struct FrameCounts {
  std::array<uint64_t, kCodeKinds> all{};
  std::array<uint64_t, kCodeKinds> named{};
  FrameCounts& operator+=(const FrameCounts& other);
};

struct MissingNames {
  struct Reason {
    uint64_t frames = 0;         // of all samples
    std::set<std::string> files; // by path and build id; those that frames are of
  };
  using Reasons = std::map<std::string, Reason, std::less<>>;

  Reasons names;                // why frames have no name
  Reasons lines;                // why frames that have a name from a file have no line
  uint64_t frames = 0;          // all there are
  uint64_t frames_of_files = 0; // those with a name from a file, with or without a line
  FrameCounts kinds;

  [[nodiscard]] uint64_t nameless() const;
  MissingNames& operator+=(const MissingNames& other);
};

} // namespace pprofd
