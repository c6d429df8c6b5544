#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "daemon/profile/gzip.h"
#include "daemon/profile/id_index.h"
#include "daemon/profile/profile_builder.h"
#include "daemon/profile/wire_scan.h"

namespace pprofd {

namespace proto = perftools::profiles;

namespace {

// 15 bits of window, gzip's header and trailer around the data.
constexpr int kGzipWindow = 15 + 16;

constexpr size_t kChunk = size_t{1} << 16;

constexpr const char* kReading = "unreadable profile";

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

std::string megabytes(size_t bytes) {
  return std::to_string(bytes >> 20) + " MB";
}

// zlib's counters of bytes are 32 bits wide.
uInt clamp_length(size_t length) {
  return static_cast<uInt>(std::min<size_t>(length, std::numeric_limits<uInt>::max()));
}

class Inflater {
public:
  Inflater(std::string_view bytes, size_t limit) : rest_(bytes), limit_(limit) {}

  // The contents of every gzip member, which must fill the input.
  Result<std::string> run() {
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK)
      return fail(kReading, "no memory to inflate it");
    std::unique_ptr<z_stream, InflateEnd> end(&stream_);
    while (!rest_.empty()) {
      if (!is_gzip(rest_))
        return fail(kReading, "bytes that are not gzip follow the compressed data");
      if (auto ok = member(); !ok)
        return std::unexpected(ok.error());
      inflateReset(&stream_);
    }
    return std::move(out_);
  }

private:
  Result<void> member() {
    int status = Z_OK;
    while (status == Z_OK) {
      if (out_.size() - filled_ < kChunk)
        out_.resize(std::max(std::min(2 * out_.size(), limit_), filled_ + kChunk));
      status = step();
      if (filled_ > limit_)
        return fail(kReading, "it inflates to more than " + megabytes(limit_));
    }
    out_.resize(filled_);
    if (status == Z_STREAM_END)
      return {};
    return fail(kReading, status == Z_BUF_ERROR ? "the compressed data is cut off"
                                                : "the compressed data is damaged");
  }

  int step() {
    uInt given = clamp_length(rest_.size());
    uInt room = clamp_length(out_.size() - filled_);
    // zlib's interface is not const-correct; it does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + filled_);
    stream_.avail_out = room;
    int status = inflate(&stream_, Z_NO_FLUSH);
    rest_.remove_prefix(given - stream_.avail_in);
    filled_ += room - stream_.avail_out;
    return status;
  }

  std::string_view rest_;
  size_t limit_;
  z_stream stream_{};
  std::string out_;
  size_t filled_ = 0;
};

// Whether the stacks, a line of each location a frame, have at most `limit` frames. A file may name
// a location with many lines many times.
bool frames_within(const proto::Profile& profile, size_t limit) {
  IdIndex locations(profile.location());
  size_t frames = 0;
  for (const auto& sample : profile.sample())
    for (uint64_t id : sample.location_id()) {
      frames +=
          static_cast<size_t>(std::max(profile.location(locations.position(id)).line_size(), 1));
      if (frames > limit)
        return false;
    }
  return true;
}

Result<proto::Profile> parse_message(std::string_view message, const ParseLimits& limits) {
  if (message.empty())
    return fail(kReading, "it is empty");
  if (message.size() > limits.inflated_bytes)
    return fail(kReading, "it is larger than " + megabytes(limits.inflated_bytes));
  auto scan = scan_profile(message);
  if (!scan)
    return std::unexpected(scan.error());
  if (scan->memory_bytes > limits.memory_bytes)
    return fail(kReading,
                "it would take more than " + megabytes(limits.memory_bytes) + " of memory");
  std::string repaired;
  if (!scan->strings_utf8) {
    repaired = with_utf8_strings(message);
    message = repaired;
  }
  proto::Profile profile;
  if (message.size() > std::numeric_limits<int>::max() ||
      !profile.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return fail("not a pprof profile", "its encoding is broken");
  if (auto ok = check_consistent(profile); !ok)
    return std::unexpected(ok.error());
  if (!frames_within(profile, limits.frames))
    return fail(kReading, "its stacks have more than " + std::to_string(limits.frames) + " frames");
  return profile;
}

} // namespace

Result<std::string> serialize_gzip(const proto::Profile& profile) {
  std::string bytes;
  if (profile.ByteSizeLong() > std::numeric_limits<int>::max() ||
      !profile.SerializeToString(&bytes))
    return fail("write profile", "it is larger than pprof's format allows");
  return gzip(bytes);
}

Result<proto::Profile> parse_profile(std::string_view bytes, const ParseLimits& limits) {
  if (!is_gzip(bytes))
    return parse_message(bytes, limits);
  auto message = Inflater(bytes, limits.inflated_bytes).run();
  if (!message)
    return std::unexpected(message.error());
  return parse_message(*message, limits);
}

} // namespace pprofd
