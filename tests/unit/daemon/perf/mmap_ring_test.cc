#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "daemon/perf/mmap_ring.h"

namespace pprofd {
namespace {

// Plays the kernel: writes records as perf_output_begin() and its kin do.
class FakeRing {
public:
  explicit FakeRing(size_t size)
      : data_(size), control_(std::make_unique<perf_event_mmap_page>()) {}

  RingReader reader() { return {control_.get(), data_}; }

  // Whether there was room. The payload is padded to 8 bytes with zeros.
  bool write(uint32_t type, std::string payload) {
    payload.resize((payload.size() + 7) / 8 * 8);
    perf_event_header header{};
    header.type = type;
    header.size = static_cast<uint16_t>(sizeof(header) + payload.size());
    const uint64_t head = control_->data_head;
    const uint64_t tail = __atomic_load_n(&control_->data_tail, __ATOMIC_ACQUIRE);
    if (data_.size() - (head - tail) < header.size)
      return false;
    put(head, &header, sizeof(header));
    put(head + sizeof(header), payload.data(), payload.size());
    __atomic_store_n(&control_->data_head, head + header.size, __ATOMIC_RELEASE);
    return true;
  }

  void put(uint64_t position, const void* bytes, size_t length) {
    const size_t offset = position % data_.size();
    const size_t before_end = std::min(length, data_.size() - offset);
    std::memcpy(data_.data() + offset, bytes, before_end);
    std::memcpy(data_.data(), static_cast<const std::byte*>(bytes) + before_end,
                length - before_end);
  }

  // Starts both positions somewhere else, as after long use.
  void begin_at(uint64_t position) { control_->data_head = control_->data_tail = position; }
  perf_event_mmap_page& control() { return *control_; }

private:
  std::vector<std::byte> data_;
  std::unique_ptr<perf_event_mmap_page> control_;
};

std::vector<std::string> read_all(RingReader& reader) {
  std::vector<std::string> texts;
  reader.read([&](const perf_event_header& header, std::span<const std::byte> payload) {
    const char* chars = reinterpret_cast<const char*>(payload.data());
    texts.push_back(std::to_string(header.type) + ":" +
                    std::string(chars, ::strnlen(chars, payload.size())));
  });
  return texts;
}

TEST(RingReader, ReadsRecordsInOrderAndGivesTheirRoomBack) {
  FakeRing ring(256);
  RingReader reader = ring.reader();
  EXPECT_TRUE(reader.empty());
  ring.write(1, "first");
  ring.write(2, "");
  ring.write(3, "third record");
  EXPECT_FALSE(reader.empty());
  EXPECT_EQ(read_all(reader), (std::vector<std::string>{"1:first", "2:", "3:third record"}));
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(ring.control().data_tail, ring.control().data_head);
  EXPECT_TRUE(read_all(reader).empty());
}

// Every position of the ring's end within a record: in the header's middle, between header and
// payload, in the payload, exactly behind it.
TEST(RingReader, JoinsARecordWhereverTheRingEndsInIt) {
  const std::string text = "0123456789abcdef0123456789abcdef";
  for (uint64_t before = 0; before <= 64; before += 8) {
    FakeRing ring(128);
    ring.begin_at((uint64_t{128} * 7) - before);
    RingReader reader = ring.reader();
    ASSERT_TRUE(ring.write(9, text));
    ASSERT_TRUE(ring.write(10, "next"));
    EXPECT_EQ(read_all(reader), (std::vector<std::string>{"9:" + text, "10:next"})) << before;
  }
}

TEST(RingReader, ReadsARecordThatFillsTheWholeRing) {
  FakeRing ring(128);
  ring.begin_at(40);
  RingReader reader = ring.reader();
  ASSERT_TRUE(ring.write(1, std::string(120, 'x')));
  EXPECT_FALSE(ring.write(2, ""));
  EXPECT_EQ(read_all(reader), std::vector<std::string>{"1:" + std::string(120, 'x')});
}

TEST(RingReader, GoesOnWhenPositionsPassFourGigabytes) {
  FakeRing ring(64);
  ring.begin_at((1ULL << 32U) - 16);
  RingReader reader = ring.reader();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(ring.write(1, std::to_string(i)));
    EXPECT_EQ(read_all(reader), std::vector<std::string>{"1:" + std::to_string(i)});
  }
}

TEST(RingReader, SkipsEverythingBehindAHeaderThatCannotBe) {
  for (const uint16_t size : {uint16_t{0}, uint16_t{7}, uint16_t{4096}}) {
    FakeRing ring(128);
    RingReader reader = ring.reader();
    ring.write(1, "good");
    const uint64_t bad = ring.control().data_head;
    ring.write(2, "bad");
    ring.write(3, "behind it");
    const perf_event_header header{.type = 2, .misc = 0, .size = size};
    ring.put(bad, &header, sizeof(header));
    EXPECT_EQ(read_all(reader), std::vector<std::string>{"1:good"}) << size;
    EXPECT_EQ(reader.corrupted(), 1U);
    EXPECT_TRUE(reader.empty());
    ring.write(4, "after");
    EXPECT_EQ(read_all(reader), std::vector<std::string>{"4:after"});
  }
}

TEST(RingReader, SurvivesAHeadThatIsFurtherThanTheRingIsLong) {
  FakeRing ring(128);
  RingReader reader = ring.reader();
  ring.control().data_head = 100000;
  EXPECT_TRUE(read_all(reader).empty());
  EXPECT_EQ(reader.corrupted(), 1U);
}

TEST(RingReader, AnEmptyReaderReadsNothing) {
  RingReader reader;
  EXPECT_TRUE(reader.empty());
  EXPECT_TRUE(read_all(reader).empty());
}

// A writer on another thread, lengths at random, for many times around the ring: nothing is lost,
// doubled or torn. (The thread sanitizer sees the barriers.)
TEST(RingReader, LosesNothingToAConcurrentWriter) {
  static constexpr int kRecords = 20000;
  FakeRing ring(1024);
  RingReader reader = ring.reader();
  std::thread writer([&] {
    std::mt19937 random(7);
    for (int i = 0; i < kRecords; ++i) {
      const std::string payload =
          std::to_string(i) + std::string(random() % 200, static_cast<char>('a' + (i % 26)));
      while (!ring.write(static_cast<uint32_t>(i), payload))
        std::this_thread::yield();
    }
  });
  std::mt19937 random(7);
  int next = 0;
  int wrong = 0;
  while (next < kRecords) {
    const size_t read = reader.read([&](const perf_event_header& header, auto payload) {
      const std::string expected =
          std::to_string(next) + std::string(random() % 200, static_cast<char>('a' + (next % 26)));
      const bool equal = header.type == static_cast<uint32_t>(next) &&
                         payload.size() == (expected.size() + 7) / 8 * 8 &&
                         std::memcmp(payload.data(), expected.data(), expected.size()) == 0;
      wrong += equal ? 0 : 1;
      ++next;
    });
    if (read == 0)
      std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(reader.corrupted(), 0U);
}

} // namespace
} // namespace pprofd
