// Reader of the data ring that the kernel maps for a perf event.
//
// The kernel writes records (an 8-byte perf_event_header and its payload, 8-byte aligned) at
// data_head, the reader consumes from data_tail; both count bytes without ever wrapping, the ring
// is a power of two. A record may run over the end of the ring: it is then put together in a
// buffer of the reader. Barriers as include/uapi/linux/perf_event.h asks: an acquire load of
// data_head, a release store of data_tail after the data were read.
//
// One owner, one thread. RingReader works on any memory, which is what the tests use; MmapRing
// owns a mapping of an event.
#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class RingReader {
public:
  // Called with each record; the payload (what follows the header) is valid during the call only.
  using Visitor =
      std::function<void(const perf_event_header& header, std::span<const std::byte> payload)>;

  RingReader() = default;
  // `control` is the ring's first page; `data` its data area, a power of two in size.
  RingReader(perf_event_mmap_page* control, std::span<std::byte> data)
      : control_(control), data_(data) {}

  // Visits every record that was complete when the call began, oldest first, then gives their room
  // back to the kernel. Returns the number of records.
  // A header that cannot be true (shorter than itself, longer than what is there) ends the call:
  // all that was in the ring is skipped and corrupted() grows by one.
  size_t read(const Visitor& visit);

  // Whether there is something to read.
  [[nodiscard]] bool empty() const;
  [[nodiscard]] uint64_t corrupted() const { return corrupted_; }
  [[nodiscard]] size_t capacity() const { return data_.size(); }

private:
  [[nodiscard]] std::span<const std::byte> bytes(uint64_t position, size_t length);

  perf_event_mmap_page* control_ = nullptr;
  std::span<std::byte> data_;
  std::vector<std::byte> joined_;
  uint64_t corrupted_ = 0;
};

class MmapRing {
public:
  // Maps the ring of `event` with `pages` data pages (rounded down to a power of two). Where the
  // limit on locked memory refuses that (EPERM: perf_event_mlock_kb and RLIMIT_MEMLOCK), or memory
  // is short (ENOMEM), tries half as many, down to `least_pages`.
  static Result<MmapRing> map(const Fd& event, size_t pages, size_t least_pages = 8);

  MmapRing() = default;
  MmapRing(MmapRing&& other) noexcept;
  MmapRing& operator=(MmapRing&& other) noexcept;
  MmapRing(const MmapRing&) = delete;
  MmapRing& operator=(const MmapRing&) = delete;
  ~MmapRing();

  RingReader& reader() { return reader_; }
  [[nodiscard]] const RingReader& reader() const { return reader_; }

private:
  MmapRing(void* base, size_t length);

  void* base_ = nullptr;
  size_t length_ = 0;
  RingReader reader_;
};

} // namespace pprofd
