#include "daemon/perf/mmap_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pprofd {

namespace {

// The kernel owns data_head and reads data_tail; the fields are plain integers in its header.
uint64_t load_head(const perf_event_mmap_page* control) {
  return __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
}

void store_tail(perf_event_mmap_page* control, uint64_t tail) {
  __atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
}

} // namespace

std::span<const std::byte> RingReader::bytes(uint64_t position, size_t length) {
  const auto offset = static_cast<size_t>(position & (data_.size() - 1));
  if (offset + length <= data_.size())
    return data_.subspan(offset, length);
  joined_.resize(length);
  const size_t before_end = data_.size() - offset;
  std::memcpy(joined_.data(), data_.data() + offset, before_end);
  std::memcpy(joined_.data() + before_end, data_.data(), length - before_end);
  return joined_;
}

bool RingReader::empty() const {
  return control_ == nullptr || load_head(control_) == control_->data_tail;
}

size_t RingReader::read(const Visitor& visit) {
  if (control_ == nullptr)
    return 0;
  const uint64_t head = load_head(control_);
  uint64_t tail = control_->data_tail;
  size_t records = 0;
  while (tail != head) {
    const uint64_t available = head - tail;
    perf_event_header header{};
    if (available >= sizeof(header) && available <= data_.size())
      std::memcpy(&header, bytes(tail, sizeof(header)).data(), sizeof(header));
    if (header.size < sizeof(header) || header.size > available) {
      ++corrupted_;
      tail = head;
      break;
    }
    visit(header, bytes(tail, header.size).subspan(sizeof(header)));
    tail += header.size;
    ++records;
  }
  store_tail(control_, tail);
  return records;
}

MmapRing::MmapRing(void* base, size_t length) : base_(base), length_(length) {
  auto* control = static_cast<perf_event_mmap_page*>(base);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  reader_ = RingReader(control, {static_cast<std::byte*>(base) + page, length - page});
}

MmapRing::MmapRing(MmapRing&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), length_(std::exchange(other.length_, 0)),
      reader_(std::exchange(other.reader_, RingReader())) {}

MmapRing& MmapRing::operator=(MmapRing&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(length_, other.length_);
  std::swap(reader_, other.reader_);
  return *this;
}

MmapRing::~MmapRing() {
  if (base_ != nullptr)
    ::munmap(base_, length_);
}

Result<MmapRing> MmapRing::map(const Fd& event, size_t pages, size_t least_pages) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  least_pages = std::max<size_t>(1, least_pages);
  for (pages = std::bit_floor(std::max(pages, least_pages));; pages /= 2) {
    const size_t length = (pages + 1) * page;
    void* base = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
    if (base != MAP_FAILED)
      return MmapRing(base, length);
    const int why = errno;
    if ((why != EPERM && why != ENOMEM) || pages / 2 < least_pages)
      return fail_errno("map the ring of a perf event", why,
                        why == EPERM ? "raise kernel.perf_event_mlock_kb or the limit on locked "
                                       "memory (ulimit -l, LimitMEMLOCK=)"
                                     : "");
  }
}

} // namespace pprofd
