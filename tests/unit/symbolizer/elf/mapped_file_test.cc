#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

#include "symbolizer/elf/mapped_file.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using test::Scratch;

constexpr size_t kPage = 4096;

class Mapping : public testing::Test {
protected:
  MappedFile map(size_t size) {
    path_ = scratch_.write("file", std::string(size, 'x'));
    auto mapping = MappedFile::open(test::open_file(path_).get());
    EXPECT_TRUE(mapping) << mapping.error().why;
    return std::move(*mapping);
  }
  void cut_to(off_t size) const { ASSERT_EQ(::truncate(path_.c_str(), size), 0); }
  static size_t count(std::span<const std::byte> bytes, char c) {
    return static_cast<size_t>(std::ranges::count(bytes, static_cast<std::byte>(c)));
  }

  Scratch scratch_;
  std::string path_;
};

TEST_F(Mapping, HasTheFilesBytes) {
  const MappedFile mapping = map(3 * kPage + 5);
  EXPECT_EQ(mapping.bytes().size(), 3 * kPage + 5);
  EXPECT_EQ(count(mapping.bytes(), 'x'), 3 * kPage + 5);
  EXPECT_FALSE(mapping.changed());
}

TEST_F(Mapping, OfAFileCutShortReadsZerosAndSaysSo) {
  const MappedFile mapping = map(200 * kPage);
  cut_to(50 * kPage);
  EXPECT_EQ(count(mapping.bytes().first(50 * kPage), 'x'), 50 * kPage);
  EXPECT_FALSE(mapping.changed());
  EXPECT_EQ(count(mapping.bytes(), 'x'), 50 * kPage);
  EXPECT_EQ(count(mapping.bytes(), '\0'), 150 * kPage);
  EXPECT_TRUE(mapping.changed());
}

TEST_F(Mapping, OfAFileCutShortLeavesOthersAlone) {
  const MappedFile other = map(10 * kPage);
  path_ = scratch_.write("second", std::string(10 * kPage, 'y'));
  const auto mapping = MappedFile::open(test::open_file(path_).get());
  ASSERT_TRUE(mapping);
  cut_to(0);
  EXPECT_EQ(count(mapping->bytes(), 'y'), 0U);
  EXPECT_TRUE(mapping->changed());
  EXPECT_EQ(count(other.bytes(), 'x'), 10 * kPage);
  EXPECT_FALSE(other.changed());
}

TEST_F(Mapping, KeepsItsBytesWithoutTheirPages) {
  const auto resident = [](const MappedFile& mapping) {
    std::ifstream maps("/proc/self/smaps");
    std::ostringstream start;
    start << std::hex << reinterpret_cast<uintptr_t>(mapping.bytes().data()) << '-';
    std::string line;
    while (std::getline(maps, line) && !line.starts_with(start.str())) {
    }
    while (std::getline(maps, line) && !line.starts_with("Rss:")) {
    }
    return std::stoul(line.substr(line.find_first_of("0123456789"))); // kB
  };
  const MappedFile mapping = map(100 * kPage);
  EXPECT_EQ(count(mapping.bytes(), 'x'), 100 * kPage);
  EXPECT_EQ(resident(mapping), 400U);
  MappedFile::release_pages();
  EXPECT_EQ(resident(mapping), 0U);
  EXPECT_EQ(count(mapping.bytes(), 'x'), 100 * kPage);
  EXPECT_FALSE(mapping.changed());
}

TEST_F(Mapping, MovesWithItsMark) {
  MappedFile first = map(2 * kPage);
  cut_to(0);
  EXPECT_EQ(count(first.bytes(), 'x'), 0U);
  const MappedFile second = std::move(first);
  EXPECT_TRUE(second.changed());
  EXPECT_EQ(second.bytes().size(), 2 * kPage);
}

TEST_F(Mapping, PlacesAreUsedAgainAndBounded) {
  for (size_t i = 0; i < 3 * MappedFile::kMaxMappings; ++i)
    EXPECT_EQ(count(map(10).bytes(), 'x'), 10U);
  std::vector<MappedFile> held;
  for (size_t i = 0; i < MappedFile::kMaxMappings; ++i)
    held.push_back(map(10));
  const auto refused = MappedFile::open(test::open_file(path_).get());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why, "too many files are mapped");
}

TEST_F(Mapping, RefusesWhatIsNoRegularFile) {
  const Fd folder(::open(scratch_.path("").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(MappedFile::open(folder.get()));
  const Fd empty = test::open_file(scratch_.write("empty", ""));
  EXPECT_FALSE(MappedFile::open(empty.get()));
}

// What a fault in memory that is not ours did before, it does still.
using MappingDeathTest = Mapping;
TEST_F(MappingDeathTest, OtherBusErrorsEndTheProcess) {
  const auto fault = [&] {
    const MappedFile mapping = map(kPage);
    const std::string path = scratch_.write("foreign", std::string(2 * kPage, 'z'));
    const Fd file = test::open_file(path);
    const auto* const bytes = static_cast<const volatile char*>(
        ::mmap(nullptr, 2 * kPage, PROT_READ, MAP_PRIVATE, file.get(), 0));
    if (::truncate(path.c_str(), 0) != 0)
      std::abort();
    (void)bytes[0];
  };
  EXPECT_EXIT(fault(), testing::KilledBySignal(SIGBUS), "");
  const auto sent = [&] {
    const MappedFile mapping = map(kPage);
    ::kill(::getpid(), SIGBUS);
  };
  EXPECT_EXIT(sent(), testing::KilledBySignal(SIGBUS), "");
}

} // namespace
} // namespace pprofd::symbolizer
