#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "daemon/process/sideband.h"
#include "daemon/process/sideband_record.h"

namespace pprofd {
namespace {

// Builds records byte by byte from the layout in the kernel's header.
class Record {
public:
  Record(uint32_t type, uint16_t misc = 0) {
    header_.type = type;
    header_.misc = misc;
  }
  template <typename T> Record& add(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    payload_.insert(payload_.end(), bytes, bytes + sizeof(value));
    return *this;
  }
  // A string as the kernel pads it: with NULs to a multiple of 8.
  Record& text(const std::string& text) {
    for (const char c : text)
      payload_.push_back(static_cast<std::byte>(c));
    payload_.push_back({});
    while (payload_.size() % 8 != 0)
      payload_.push_back({});
    return *this;
  }
  Record& sample_id(uint64_t time, uint32_t pid = 0, uint32_t tid = 0) {
    return add(pid).add(tid).add(time).add(uint32_t{1}).add(uint32_t{0});
  }
  [[nodiscard]] std::optional<ProcessEvent> decode() const {
    return decode_sideband(header_, payload_);
  }
  [[nodiscard]] std::optional<ProcessEvent> decode(size_t length) const {
    return decode_sideband(header_, std::span(payload_).first(length));
  }
  [[nodiscard]] size_t size() const { return payload_.size(); }

private:
  perf_event_header header_{};
  std::vector<std::byte> payload_;
};

Record mmap2_with_inode(const std::string& name) {
  return Record(PERF_RECORD_MMAP2)
      .add(uint32_t{10})
      .add(uint32_t{11})
      .add(uint64_t{0x401000})
      .add(uint64_t{0x2000})
      .add(uint64_t{0x1000})
      .add(uint32_t{254})
      .add(uint32_t{1})
      .add(uint64_t{777})
      .add(uint64_t{3})
      .add(uint32_t{5})
      .add(uint32_t{2})
      .text(name)
      .sample_id(123456);
}

TEST(DecodeSideband, ReadsMmap2WithInode) {
  const auto event = mmap2_with_inode("/bin/x y").decode();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->time, 123456U);
  EXPECT_EQ(event->pid, 10);
  EXPECT_EQ(event->tid, 11);
  const auto& mmap = std::get<MmapEvent>(event->what);
  EXPECT_EQ(mmap.start.value, 0x401000U);
  EXPECT_EQ(mmap.length, 0x2000U);
  EXPECT_EQ(mmap.offset.value, 0x1000U);
  EXPECT_EQ(mmap.device_major, 254U);
  EXPECT_EQ(mmap.device_minor, 1U);
  EXPECT_EQ(mmap.inode, 777U);
  EXPECT_EQ(mmap.generation, 3U);
  EXPECT_EQ(mmap.prot, 5U);
  EXPECT_EQ(mmap.flags, 2U);
  EXPECT_EQ(mmap.name, "/bin/x y");
  EXPECT_TRUE(mmap.build_id.empty());
}

TEST(DecodeSideband, ReadsMmap2WithBuildId) {
  Record record(PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID);
  record.add(uint32_t{10}).add(uint32_t{10}).add(uint64_t{1}).add(uint64_t{2}).add(uint64_t{3});
  record.add(uint8_t{4}).add(uint8_t{0}).add(uint16_t{0});
  for (int i = 0; i < 20; ++i)
    record.add(static_cast<uint8_t>(i < 4 ? 0xa0 + i : 0));
  record.add(uint32_t{5}).add(uint32_t{2}).text("/lib/l.so").sample_id(9);
  const auto event = record.decode();
  ASSERT_TRUE(event);
  const auto& mmap = std::get<MmapEvent>(event->what);
  EXPECT_EQ(mmap.build_id.hex(), "a0a1a2a3");
  EXPECT_EQ(mmap.inode, 0U);
  EXPECT_EQ(mmap.name, "/lib/l.so");
}

TEST(DecodeSideband, RefusesABuildIdLongerThanItsField) {
  Record record(PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID);
  record.add(uint32_t{10}).add(uint32_t{10}).add(uint64_t{1}).add(uint64_t{2}).add(uint64_t{3});
  record.add(uint8_t{21}).add(uint8_t{0}).add(uint16_t{0});
  for (int i = 0; i < 20; ++i)
    record.add(uint8_t{1});
  record.add(uint32_t{5}).add(uint32_t{2}).text("/l").sample_id(9);
  EXPECT_FALSE(record.decode());
}

TEST(DecodeSideband, ReadsPlainMmap) {
  const auto event = Record(PERF_RECORD_MMAP)
                         .add(uint32_t{1})
                         .add(uint32_t{1})
                         .add(uint64_t{0x1000})
                         .add(uint64_t{0x1000})
                         .add(uint64_t{0})
                         .text("[vdso]")
                         .sample_id(1)
                         .decode();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<MmapEvent>(event->what).name, "[vdso]");
}

TEST(DecodeSideband, ReadsForkExitCommAndLost) {
  const auto task = [](uint32_t type) {
    return Record(type)
        .add(uint32_t{20})
        .add(uint32_t{10})
        .add(uint32_t{21})
        .add(uint32_t{11})
        .add(uint64_t{5})
        .sample_id(6)
        .decode();
  };
  const auto fork = task(PERF_RECORD_FORK);
  ASSERT_TRUE(fork);
  EXPECT_EQ(fork->pid, 20);
  EXPECT_EQ(fork->tid, 21);
  EXPECT_EQ(std::get<ForkEvent>(fork->what).parent_pid, 10);
  EXPECT_EQ(std::get<ForkEvent>(fork->what).parent_tid, 11);
  EXPECT_TRUE(std::holds_alternative<ExitEvent>(task(PERF_RECORD_EXIT)->what));

  const auto comm = [](uint16_t misc) {
    return std::get<CommEvent>(Record(PERF_RECORD_COMM, misc)
                                   .add(uint32_t{1})
                                   .add(uint32_t{2})
                                   .text("a name")
                                   .sample_id(1)
                                   .decode()
                                   ->what);
  };
  EXPECT_EQ(comm(0).comm, "a name");
  EXPECT_FALSE(comm(0).exec);
  EXPECT_TRUE(comm(PERF_RECORD_MISC_COMM_EXEC).exec);

  const auto lost =
      Record(PERF_RECORD_LOST).add(uint64_t{1}).add(uint64_t{99}).sample_id(8).decode();
  ASSERT_TRUE(lost);
  EXPECT_EQ(std::get<LostEvent>(lost->what).lost, 99U);
}

TEST(DecodeSideband, LeavesOutOtherTypes) {
  EXPECT_FALSE(Record(PERF_RECORD_SAMPLE).add(uint64_t{1}).sample_id(1).decode());
  EXPECT_FALSE(Record(PERF_RECORD_MAX + 5).add(uint64_t{1}).sample_id(1).decode());
}

TEST(DecodeSideband, RefusesRecordsCutAnywhereBeforeTheName) {
  const Record record = mmap2_with_inode("/x");
  static constexpr size_t kFixed = 72;
  for (size_t length = 0; length < kFixed + 16; ++length)
    EXPECT_FALSE(record.decode(length)) << length;
}

ProcessEvent at(uint64_t time, pid_t pid) {
  return {time, pid, pid, ExitEvent{}};
}

std::vector<pid_t> take(EventQueue& queue, uint64_t until) {
  std::vector<pid_t> pids;
  queue.take(until, [&](const ProcessEvent& event) { pids.push_back(event.pid); });
  return pids;
}

TEST(EventQueue, OrdersRingsByTimeAndKeepsWhatIsNotComplete) {
  EventQueue queue;
  queue.incoming() = {at(5, 1), at(9, 2), at(1, 3), at(20, 4), at(3, 5)};
  EXPECT_EQ(take(queue, 9), (std::vector<pid_t>{3, 5, 1, 2}));
  EXPECT_TRUE(take(queue, 9).empty());
  queue.incoming() = {at(12, 6), at(30, 7)};
  EXPECT_EQ(take(queue, 20), (std::vector<pid_t>{6, 4}));
  EXPECT_EQ(take(queue, UINT64_MAX), std::vector<pid_t>{7});
}

TEST(EventQueue, KeepsTheOrderOfARingWhereTimesAreEqual) {
  EventQueue queue;
  queue.incoming() = {at(5, 1), at(5, 2)};
  EXPECT_TRUE(take(queue, 4).empty());
  queue.incoming() = {at(5, 3)};
  EXPECT_EQ(take(queue, 5), (std::vector<pid_t>{1, 2, 3}));
}

TEST(EventQueue, GivesEveryEventOnceAndInOrderHoweverTheyArrive) {
  std::mt19937 random(3);
  EventQueue queue;
  uint64_t complete = 0;
  uint64_t last = 0;
  size_t given = 0;
  size_t sent = 0;
  for (int round = 0; round < 200; ++round) {
    // Everything that comes is later than what was declared complete.
    for (uint64_t i = random() % 20; i > 0; --i, ++sent)
      queue.incoming().push_back(at(complete + 1 + (random() % 100), 1));
    complete += random() % 50;
    queue.take(complete, [&](const ProcessEvent& event) {
      EXPECT_GE(event.time, last);
      last = event.time;
      ++given;
    });
  }
  queue.take(UINT64_MAX, [&](const ProcessEvent&) { ++given; });
  EXPECT_EQ(given, sent);
}

} // namespace
} // namespace pprofd
