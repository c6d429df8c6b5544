// Records of a perf ring: two bytes of type, two of misc, then the payload.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "daemon/process/sideband_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  perf_event_header header{};
  uint16_t type = 0;
  if (size < sizeof(type) + sizeof(header.misc))
    return 0;
  std::memcpy(&type, data, sizeof(type));
  std::memcpy(&header.misc, data + sizeof(type), sizeof(header.misc));
  header.type = type;
  const auto payload =
      std::as_bytes(std::span(data, size)).subspan(sizeof(type) + sizeof(header.misc));
  const auto event = pprofd::decode_sideband(header, payload);
  if (!event)
    return 0;
  if (const auto* mmap = std::get_if<pprofd::MmapEvent>(&event->what)) {
    if (mmap->name.size() > payload.size() || mmap->build_id.hex().size() > 40)
      std::abort();
  }
  return 0;
}
