#include <gtest/gtest.h>

#include <random>

#include "daemon/ship/spool/segment.h"

namespace pprofd::ship {
namespace {

struct Written {
  std::string bytes;
  std::vector<uint64_t> begins;
};

Written three_records() {
  Written made;
  for (const uint64_t id : {11U, 12U, 13U}) {
    made.begins.push_back(made.bytes.size());
    made.bytes += encode_record(7, made.bytes.size(), id, std::string(20 * id, char('a' + id)));
  }
  return made;
}

std::vector<uint64_t> ids_of(const SegmentScan& scan) {
  std::vector<uint64_t> ids;
  for (const ScannedRecord& record : scan.records)
    ids.push_back(record.id);
  return ids;
}

TEST(Segment, WhatWasWrittenIsRead) {
  const Written written = three_records();
  const SegmentScan scan = scan_segment(written.bytes, 7, 0);
  EXPECT_EQ(ids_of(scan), (std::vector<uint64_t>{11, 12, 13}));
  EXPECT_EQ(scan.skipped, 0U);
  EXPECT_EQ(scan.records[1].offset, written.begins[1]);
  EXPECT_EQ(scan.records[1].payload, std::string(240, char('a' + 12)));
}

TEST(Segment, ReadingMayBeginInTheMiddle) {
  const Written written = three_records();
  const SegmentScan scan =
      scan_segment(std::string_view(written.bytes).substr(written.begins[1]), 7, written.begins[1]);
  EXPECT_EQ(ids_of(scan), (std::vector<uint64_t>{12, 13}));
}

TEST(Segment, ATornEndCostsTheLastRecordAlone) {
  const Written written = three_records();
  for (size_t size = written.begins[2]; size < written.bytes.size(); ++size) {
    const SegmentScan scan = scan_segment(std::string_view(written.bytes).substr(0, size), 7, 0);
    EXPECT_EQ(ids_of(scan), (std::vector<uint64_t>{11, 12})) << size;
    EXPECT_EQ(scan.skipped, size - written.begins[2]);
  }
}

TEST(Segment, AWrongByteAnywhereCostsItsRecordAlone) {
  const Written written = three_records();
  for (size_t at = 0; at < written.bytes.size(); ++at) {
    std::string damaged = written.bytes;
    damaged[at] = char(damaged[at] ^ 0x10);
    std::vector<uint64_t> left = {11, 12, 13};
    left.erase(left.begin() + (at < written.begins[1] ? 0 : at < written.begins[2] ? 1 : 2));
    EXPECT_EQ(ids_of(scan_segment(damaged, 7, 0)), left) << at;
  }
}

TEST(Segment, RecordsOfAnotherFileOrPlaceAreStale) {
  const Written written = three_records();
  EXPECT_TRUE(scan_segment(written.bytes, 8, 0).records.empty());
  EXPECT_TRUE(scan_segment(written.bytes, 7, 1).records.empty());
  // A block of the file before stands where zeros were.
  const std::string stale = written.bytes.substr(0, written.begins[1]) +
                            written.bytes.substr(0, 64) + written.bytes.substr(written.begins[2]);
  EXPECT_EQ(ids_of(scan_segment(stale, 7, 0)), (std::vector<uint64_t>{11}));
}

TEST(Segment, ForeignBytesAreSkipped) {
  std::mt19937 random(1);
  std::string noise(100'000, '\0');
  for (char& byte : noise)
    byte = char(random());
  const SegmentScan scan = scan_segment(noise + encode_record(3, noise.size(), 5, "payload"), 3, 0);
  EXPECT_EQ(ids_of(scan), (std::vector<uint64_t>{5}));
  EXPECT_EQ(scan.skipped, noise.size());
}

} // namespace
} // namespace pprofd::ship
