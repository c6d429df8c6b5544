// A segment of the spool: one file of records, one after the other. What is read may be torn (power
// cut), stale (a block of an older file) or foreign; a record counts only where everything agrees:
//
//   0  4  "PSR1"
//   4  4  CRC-32 of bytes 8 to 40
//   8  8  number of the segment that it was written to
//  16  8  where in the file it begins
//  24  8  id of the profile
//  32  4  length of the payload
//  36  4  CRC-32 of the payload
//  40     payload
//
// Numbers are little endian. Behind a record that does not count, the next one is looked for by its
// first four bytes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pprofd::ship {

inline constexpr size_t kRecordHeader = 40;
// Of a payload; a longer one is taken for damage.
inline constexpr size_t kLongestPayload = size_t{48} << 20;

std::string encode_record(uint64_t segment, uint64_t offset, uint64_t id, std::string_view payload);

struct ScannedRecord {
  uint64_t offset = 0; // of its header in the file
  uint64_t id = 0;
  std::string_view payload; // in the bytes that were scanned
};

struct SegmentScan {
  std::vector<ScannedRecord> records; // in their order
  uint64_t skipped = 0;               // bytes that belong to none
};

// `bytes`: of the segment's file from `begin` on. Any input.
SegmentScan scan_segment(std::string_view bytes, uint64_t segment, uint64_t begin);

} // namespace pprofd::ship
