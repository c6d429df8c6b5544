// A writer that is killed at any moment leaves a store that says the truth.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include "daemon/serve/store/layout.h"
#include "daemon/serve/store/reader.h"
#include "daemon/serve/store/writer.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/serve/store/stored_profiles.h"

namespace pprofd::serve {
namespace {

constexpr int kRounds = 60;

// Adds profiles and deletes old ones for ever; writes a byte for each batch that is stored.
[[noreturn]] void write_for_ever(const std::string& path, int said, unsigned seed) {
  auto writer = StoreWriter::open(path, [](const Error&) {});
  std::mt19937 random(seed);
  for (TimeNanos time = kSomeTime; writer; time += kSecond) {
    std::vector<NewProfile> batch;
    for (unsigned i = 0; i < 1 + random() % 4; i++)
      batch.push_back(new_profile(time, "s" + std::to_string(random() % 3)));
    for (const auto& result : writer->add(batch))
      if (!result)
        _exit(1);
    if (write(said, "x", 1) != 1 || !writer->keep({.max_bytes = 200'000}, time))
      _exit(1);
  }
  _exit(1);
}

size_t files_below(const std::string& path, bool& leftovers) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    const std::string name = entry.path().filename();
    count += name.ends_with(".pb.gz");
    leftovers |= name.ends_with(".tmp") || name.ends_with(".damaged");
  }
  return count;
}

TEST(StoreKill, EveryIndexedProfileOpensAndNoFileIsLeftOver) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/store";
  std::mt19937 random(5);
  for (int round = 0; round < kRounds; round++) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0)
      write_for_ever(path, ends[1], static_cast<unsigned>(round));
    close(ends[1]);
    // Some batches are awaited, so that each round gets somewhere; then any moment.
    char byte = 0;
    for (auto awaited = 1 + random() % 3; awaited > 0; awaited--)
      ASSERT_EQ(read(ends[0], &byte, 1), 1);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "round " << round;
    close(ends[0]);

    auto writer = StoreWriter::open(path, [](const Error&) {});
    ASSERT_TRUE(writer);
    reconcile(*writer);
    auto reader = StoreReader::open(path);
    const auto listed = list(*reader);
    for (const StoredProfile& profile : listed) {
      const auto bytes = reader->read(name_of(profile));
      ASSERT_TRUE(bytes);
      ASSERT_EQ(bytes->size(), profile.bytes);
      ASSERT_TRUE(parse_profile(*bytes));
    }
    bool leftovers = false;
    EXPECT_EQ(files_below(path, leftovers), listed.size()) << "round " << round;
    EXPECT_FALSE(leftovers) << "round " << round;
    EXPECT_EQ(writer->totals().profiles, listed.size());
  }
}

} // namespace
} // namespace pprofd::serve
