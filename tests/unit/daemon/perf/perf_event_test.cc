#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <cerrno>

#include "daemon/perf/mmap_ring.h"
#include "daemon/perf/perf_event.h"

namespace pprofd {
namespace {

using testing::HasSubstr;

perf_event_attr own_comm_events() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.comm = 1;
  attr.exclude_kernel = 1;
  return attr;
}

TEST(PerfEventOpen, GivesADescriptorThatChildrenDoNotInherit) {
  const auto event = perf_event_open(own_comm_events(), 0, -1);
  if (!event)
    GTEST_SKIP() << "perf events are not allowed here: " << errno_text(event.error());
  EXPECT_NE(::fcntl(event->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(PerfEventOpen, RecordsArriveInTheMappedRing) {
  const auto event = perf_event_open(own_comm_events(), 0, -1);
  if (!event)
    GTEST_SKIP() << "perf events are not allowed here: " << errno_text(event.error());
  auto ring = MmapRing::map(*event, 8, 1);
  ASSERT_TRUE(ring) << ring.error().why;
  EXPECT_EQ(ring->reader().capacity() % 4096, 0U);
  char before[16] = {};
  ::prctl(PR_GET_NAME, before);
  ::prctl(PR_SET_NAME, "renamed");
  ::prctl(PR_SET_NAME, before);
  std::vector<std::string> names;
  MmapRing moved = std::move(*ring);
  moved.reader().read([&](const perf_event_header& header, std::span<const std::byte> payload) {
    if (header.type == PERF_RECORD_COMM)
      names.emplace_back(reinterpret_cast<const char*>(payload.data()) + 8);
  });
  EXPECT_THAT(names, testing::ElementsAre("renamed", before));
}

TEST(PerfEventOpen, FailsWithTheErrnoValue) {
  perf_event_attr attr{};
  attr.type = 0xffff;
  const auto event = perf_event_open(attr, 0, -1);
  ASSERT_FALSE(event);
  EXPECT_THAT(event.error(), testing::AnyOf(ENOENT, EACCES, EPERM));
}

TEST(MmapRing, SaysWhyItCannotMap) {
  const auto ring = MmapRing::map(Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)), 8);
  ASSERT_FALSE(ring);
  EXPECT_FALSE(ring.error().why.empty());
}

TEST(PerfEventError, HintsAtPrivilegesDescriptorsAndMissingEvents) {
  EXPECT_THAT(perf_event_error("x", EACCES).hint, HasSubstr("CAP_PERFMON"));
  EXPECT_THAT(perf_event_error("x", EMFILE).hint, HasSubstr("open files"));
  EXPECT_THAT(perf_event_error("x", ENOENT).hint, HasSubstr("cpu-clock"));
  EXPECT_THAT(perf_event_error("x", ENOSYS).hint, HasSubstr("CONFIG_PERF_EVENTS"));
}

} // namespace
} // namespace pprofd
