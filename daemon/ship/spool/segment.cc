#include "daemon/ship/spool/segment.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

namespace pprofd::ship {

namespace {

constexpr std::string_view kMagic = "PSR1";
constexpr size_t kChecked = 8; // where what the header's sum is of begins

void append_number(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

uint64_t read_number(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

uint32_t sum_of(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// The record that `bytes` begin with.
std::optional<ScannedRecord> record_at(std::string_view bytes, uint64_t segment, uint64_t offset) {
  if (bytes.size() < kRecordHeader || !bytes.starts_with(kMagic) ||
      read_number(bytes, 4, 4) != sum_of(bytes.substr(kChecked, kRecordHeader - kChecked)))
    return std::nullopt;
  const uint64_t length = read_number(bytes, 32, 4);
  if (read_number(bytes, 8, 8) != segment || read_number(bytes, 16, 8) != offset ||
      length > kLongestPayload || length > bytes.size() - kRecordHeader)
    return std::nullopt;
  const std::string_view payload = bytes.substr(kRecordHeader, length);
  if (read_number(bytes, 36, 4) != sum_of(payload))
    return std::nullopt;
  return ScannedRecord{.offset = offset, .id = read_number(bytes, 24, 8), .payload = payload};
}

} // namespace

std::string encode_record(uint64_t segment, uint64_t offset, uint64_t id,
                          std::string_view payload) {
  std::string checked;
  append_number(checked, segment, 8);
  append_number(checked, offset, 8);
  append_number(checked, id, 8);
  append_number(checked, payload.size(), 4);
  append_number(checked, sum_of(payload), 4);
  std::string record;
  record.reserve(kRecordHeader + payload.size());
  record.append(kMagic);
  append_number(record, sum_of(checked), 4);
  return record.append(checked).append(payload);
}

SegmentScan scan_segment(std::string_view bytes, uint64_t segment, uint64_t begin) {
  SegmentScan scan;
  size_t at = 0;
  while (at < bytes.size()) {
    if (const auto record = record_at(bytes.substr(at), segment, begin + at)) {
      scan.records.push_back(*record);
      at += kRecordHeader + record->payload.size();
      continue;
    }
    const size_t next = std::min(bytes.find(kMagic, at + 1), bytes.size());
    scan.skipped += next - at;
    at = next;
  }
  return scan;
}

} // namespace pprofd::ship
