// A segment of the spool with anything in it: what is read lies within the bytes and in their
// order, every byte is a record's or skipped, and whole records are found wherever foreign bytes
// stand.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/ship/spool/segment.h"

namespace {

using namespace pprofd::ship;

constexpr uint64_t kSegment = 3;

void require(bool condition, const char* what) {
  if (condition)
    return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void check(std::string_view bytes, const SegmentScan& scan) {
  uint64_t records = 0;
  uint64_t end = 0;
  for (const ScannedRecord& record : scan.records) {
    require(record.offset >= end, "records are in order");
    require(record.payload.empty() ||
                record.payload.data() == bytes.data() + record.offset + kRecordHeader,
            "a payload stands behind its header");
    end = record.offset + kRecordHeader + record.payload.size();
    require(end <= bytes.size(), "a record ends within the file");
    records += kRecordHeader + record.payload.size();
  }
  require(records + scan.skipped == bytes.size(), "every byte is accounted for");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  check(input, scan_segment(input, kSegment, 0));
  // The same between two whole records. It may itself be a record that begins there, but for no
  // other.
  std::string file = encode_record(kSegment, 0, 1, input);
  file += input;
  const uint64_t last = file.size();
  file += encode_record(kSegment, last, 2, "end");
  const SegmentScan scan = scan_segment(file, kSegment, 0);
  check(file, scan);
  require(scan.records.size() >= 2, "whole records are found");
  require(scan.records.front().id == 1 && scan.records.front().payload == input, "the first");
  require(scan.records.back().offset == last && scan.records.back().payload == "end", "the last");
  return 0;
}
