#include "daemon/serve/store/file_header.h"

#include "daemon/profile/utf8.h"
#include "proto/serve.pb.h"

namespace pprofd::serve {
namespace {

constexpr size_t kFixed = 10; // of a gzip header
constexpr size_t kFlags = 3;
constexpr char kExtra = 4; // the flag that says an extra field follows
constexpr std::string_view kMagic("\x1f\x8b\x08", 3);
constexpr std::string_view kSubfield = "PD";
constexpr size_t kMaxSubfield = 65535 - 4;

void append_16(std::string& out, size_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>(value >> 8 & 0xff);
}

size_t read_16(std::string_view bytes) {
  return size_t{static_cast<unsigned char>(bytes[0])} | size_t{static_cast<unsigned char>(bytes[1])}
                                                            << 8;
}

std::string encode(const NewProfile& profile) {
  WindowProfile message;
  message.set_type(profile.type);
  message.set_service(profile.service);
  message.set_time_nanos(profile.time);
  message.set_duration_nanos(profile.duration);
  for (const auto& [name, value] : profile.labels)
    (*message.mutable_labels())[name] = value;
  message.set_samples(profile.samples);
  message.set_value(profile.value);
  return message.SerializeAsString();
}

std::optional<StoredProfile> decode(std::string_view bytes) {
  WindowProfile message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return std::nullopt;
  StoredProfile profile{.type = message.type(),
                        .service = to_utf8(message.service()),
                        .labels = {},
                        .time = message.time_nanos(),
                        .duration = message.duration_nanos(),
                        .samples = message.samples(),
                        .value = message.value()};
  for (const auto& [name, value] : message.labels())
    profile.labels[name] = to_utf8(value);
  return profile;
}

} // namespace

Result<std::string> with_file_header(const NewProfile& profile) {
  constexpr const char* kWhat = "store a profile";
  const std::string_view gzip = profile.bytes;
  if (gzip.size() < kFixed || !gzip.starts_with(kMagic) || gzip[kFlags] != 0)
    return fail(kWhat, "it is not gzip as pprofd writes it");
  const std::string about = encode(profile);
  if (about.size() > kMaxSubfield)
    return fail(kWhat, "its labels are longer than 64 KB");
  std::string file;
  file.reserve(gzip.size() + about.size() + 8);
  file.append(gzip.substr(0, kFixed));
  file[kFlags] = kExtra;
  append_16(file, about.size() + 4);
  file.append(kSubfield);
  append_16(file, about.size());
  file.append(about).append(gzip.substr(kFixed));
  return file;
}

std::optional<StoredProfile> read_file_header(std::string_view begin) {
  if (begin.size() < kFixed + 2 || !begin.starts_with(kMagic) || (begin[kFlags] & kExtra) == 0)
    return std::nullopt;
  std::string_view extra = begin.substr(kFixed + 2);
  if (extra.size() < read_16(begin.substr(kFixed)))
    return std::nullopt;
  extra = extra.substr(0, read_16(begin.substr(kFixed)));
  while (extra.size() >= 4) {
    const std::string_view name = extra.substr(0, 2);
    const size_t length = read_16(extra.substr(2));
    extra.remove_prefix(4);
    if (extra.size() < length)
      return std::nullopt;
    if (name == kSubfield)
      return decode(extra.substr(0, length));
    extra.remove_prefix(length);
  }
  return std::nullopt;
}

} // namespace pprofd::serve
