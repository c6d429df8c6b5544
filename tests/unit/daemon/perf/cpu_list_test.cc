#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "daemon/perf/cpu_list.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseCpuList, ReadsSinglesAndRanges) {
  EXPECT_THAT(*parse_cpu_list("0\n"), ElementsAre(0));
  EXPECT_THAT(*parse_cpu_list("0-3,8,10-11\n"), ElementsAre(0, 1, 2, 3, 8, 10, 11));
  EXPECT_THAT(*parse_cpu_list(""), IsEmpty());
}

TEST(ParseCpuList, GivesEachCpuOnceInOrder) {
  EXPECT_THAT(*parse_cpu_list("4-5,0-1,1,5"), ElementsAre(0, 1, 4, 5));
}

TEST(ParseCpuList, RefusesWhatIsNoList) {
  for (const char* text :
       {"a", "1-", "-1", "3-1", "1,", ",1", "1 2", "0-999999999999", "0x1", "0-99999999"})
    EXPECT_FALSE(parse_cpu_list(text)) << text;
}

class CpuWatchTest : public testing::Test {
protected:
  CpuWatchTest() : path_(testing::TempDir() + "/online-" + std::to_string(::getpid())) {}
  ~CpuWatchTest() override { std::filesystem::remove(path_); }
  void online(const std::string& text) { std::ofstream(path_) << text; }
  std::string path_;
};

TEST_F(CpuWatchTest, ReportsWhatCameAndWent) {
  online("0-2\n");
  CpuWatch watch(path_);
  EXPECT_THAT(watch.poll()->came, ElementsAre(0, 1, 2));
  EXPECT_TRUE(watch.poll()->empty());
  online("0,2-3\n");
  const auto changes = watch.poll();
  EXPECT_THAT(changes->came, ElementsAre(3));
  EXPECT_THAT(changes->went, ElementsAre(1));
  EXPECT_THAT(watch.online(), ElementsAre(0, 2, 3));
}

TEST_F(CpuWatchTest, KeepsWhatItKnewWhenTheListMakesNoSense) {
  online("0-1\n");
  CpuWatch watch(path_);
  ASSERT_TRUE(watch.poll());
  online("what\n");
  EXPECT_FALSE(watch.poll());
  EXPECT_THAT(watch.online(), ElementsAre(0, 1));
}

TEST_F(CpuWatchTest, CountsCpusWhereThereIsNoList) {
  CpuWatch watch(path_ + ".missing");
  EXPECT_EQ(watch.poll()->came.size(), static_cast<size_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_TRUE(watch.poll()->empty());
}

TEST(CpuWatch, AgreesWithTheSystem) {
  CpuWatch watch;
  EXPECT_EQ(watch.poll()->came.size(), std::thread::hardware_concurrency());
}

} // namespace
} // namespace pprofd
