// Where a profile's file is in the store: DAY/HOUR/TIME-ID.pb.gz, all of the profile's begin, in
// UTC; TIME in nanoseconds since 1970, ID in 16 hexadecimal digits.
//
//   2026-11-22/03/1795317600000000000-00c0ffee00c0ffee.pb.gz
//
// Profiles that triggers took have the same below the folder `triggered`.
//
// Other names in these folders: temporary files (daemon/output/folder.h) and *.damaged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/serve/store/record.h"

namespace pprofd::serve {

inline constexpr int64_t kHour = 3600 * kSecond;
inline constexpr std::string_view kDamagedSuffix = ".damaged";
inline constexpr const char* kIndexFile = "index.sqlite";

struct ProfileName {
  TimeNanos time = 0; // not negative
  uint64_t id = 0;
  bool triggered = false;
};

inline constexpr std::string_view kTriggeredFolder = "triggered";
// What DAY/HOUR stands behind: nothing or triggered/.
std::string root_folder(bool triggered);

std::string day_folder(TimeNanos time);  // 2026-11-22
std::string hour_folder(TimeNanos time); // 2026-11-22/03
std::string file_name(const ProfileName& name);
std::string file_path(const ProfileName& name); // below the store's folder

// Of any text: nothing where it is no such name.
std::optional<ProfileName> parse_file_name(std::string_view name);
bool is_day_folder(std::string_view name);
bool is_hour_folder(std::string_view name);
// When the hour of a folder begins; nothing where they are no such names.
std::optional<TimeNanos> hour_of(std::string_view day, std::string_view hour);

// An id as HTTP and file names have it.
std::string id_text(uint64_t id);
std::optional<uint64_t> parse_id(std::string_view text);

} // namespace pprofd::serve
