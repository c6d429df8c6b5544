#include "daemon/process/sideband.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <iterator>
#include <tuple>
#include <utility>

#include "daemon/perf/perf_event.h"
#include "daemon/process/sideband_record.h"
#include "symbolizer/base/clock.h"

namespace pprofd {

namespace {

constexpr size_t kLeastPages = 8;
constexpr size_t kMostPages = 256; // ten thousand threads of one process may end at once

size_t page_size() {
  return static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t ring_pages(size_t total_bytes, size_t cpus) {
  const size_t share = total_bytes / std::max<size_t>(1, cpus) / page_size();
  return std::clamp(std::bit_floor(share), kLeastPages, kMostPages);
}

perf_event_attr dummy_event(bool build_ids) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
  attr.sample_id_all = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.mmap = 1;
  attr.mmap2 = 1;
  attr.build_id = build_ids ? 1 : 0;
  attr.task = 1;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.watermark = 1;
  attr.wakeup_watermark = 1;
  return attr;
}

} // namespace

Sideband::Sideband(SidebandOptions options, Fd epoll)
    : options_(std::move(options)), epoll_(std::move(epoll)), watch_(options_.online_path),
      build_ids_(options_.build_ids) {}

Result<Sideband> Sideband::open(const SidebandOptions& options) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll)
    return fail_errno("epoll_create1", errno);
  Sideband sideband(options, std::move(epoll));
  const Result<size_t> opened = sideband.update_cpus();
  if (!opened)
    return std::unexpected(opened.error());
  return sideband;
}

Result<size_t> Sideband::update_cpus() {
  const Result<CpuWatch::Changes> changes = watch_.poll();
  if (!changes)
    return std::unexpected(changes.error());
  for (const int number : changes->went) {
    const auto cpu = cpus_.find(number);
    if (cpu == cpus_.end())
      continue;
    drain_cpu(cpu->second, leftover_);
    cpus_.erase(cpu);
  }
  size_t opened = 0;
  Error last_error;
  for (const int cpu : watch_.online()) {
    if (cpus_.contains(cpu))
      continue;
    Result<Cpu> events = open_cpu(cpu);
    if (!events) {
      last_error = std::move(events.error());
      continue;
    }
    cpus_.emplace(cpu, std::move(*events));
    ++opened;
  }
  if (cpus_.empty())
    return std::unexpected(std::move(last_error));
  return opened;
}

Result<Sideband::Cpu> Sideband::open_cpu(int cpu) {
  auto event = perf_event_open(dummy_event(build_ids_), -1, cpu);
  if (!event && event.error() == EINVAL && build_ids_) {
    build_ids_ = false;
    event = perf_event_open(dummy_event(build_ids_), -1, cpu);
  }
  const std::string what = "watch the processes of CPU " + std::to_string(cpu);
  if (!event)
    return std::unexpected(perf_event_error(what, event.error()));
  Result<MmapRing> ring =
      MmapRing::map(*event, ring_pages(options_.ring_bytes, watch_.online().size()), kLeastPages);
  if (!ring)
    return std::unexpected(std::move(ring.error()));
  epoll_event interest{};
  interest.events = EPOLLIN;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event->get(), &interest) != 0)
    return fail_errno(what, errno);
  return Cpu{std::move(*event), std::move(*ring)};
}

uint64_t Sideband::drain(std::vector<ProcessEvent>& out) {
  // Records stamped before this moment are in their rings by the time these are read.
  const uint64_t complete_until = monotonic_ns();
  std::ranges::move(leftover_, std::back_inserter(out));
  leftover_.clear();
  for (auto& [number, cpu] : cpus_)
    drain_cpu(cpu, out);
  return complete_until;
}

void Sideband::drain_cpu(Cpu& cpu, std::vector<ProcessEvent>& out) {
  RingReader& reader = cpu.ring.reader();
  reader.read([&](const perf_event_header& header, std::span<const std::byte> payload) {
    std::optional<ProcessEvent> event = decode_sideband(header, payload);
    if (!event)
      return;
    if (const auto* gap = std::get_if<LostEvent>(&event->what))
      lost_ += gap->lost;
    out.push_back(std::move(*event));
  });
  if (reader.corrupted() != cpu.corrupted_seen) {
    cpu.corrupted_seen = reader.corrupted();
    ++corrupted_;
    out.push_back({monotonic_ns(), 0, 0, LostEvent{1}});
  }
}

size_t Sideband::ring_bytes() const {
  size_t bytes = 0;
  for (const auto& [number, cpu] : cpus_)
    bytes += cpu.ring.reader().capacity();
  return bytes;
}

void EventQueue::sort_incoming() {
  if (incoming_.empty())
    return;
  for (ProcessEvent& event : incoming_)
    waiting_.push_back({next_++, std::move(event)});
  incoming_.clear();
  // Equal times keep the order of arrival, which is that of their ring.
  std::ranges::sort(waiting_, [](const Waiting& a, const Waiting& b) {
    return std::tie(a.event.time, a.number) < std::tie(b.event.time, b.number);
  });
}

} // namespace pprofd
