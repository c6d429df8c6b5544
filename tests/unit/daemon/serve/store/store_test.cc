#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "daemon/serve/store/layout.h"
#include "daemon/serve/store/store.h"
#include "tests/unit/daemon/output/temporary_folder.h"
#include "tests/unit/daemon/serve/store/stored_profiles.h"

namespace pprofd::serve {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMinute = 60 * kSecond;

class StoreTest : public testing::Test {
protected:
  StoreWriter open_unreconciled() {
    auto writer =
        StoreWriter::open(path(), [this](const Error& note) { notes_.push_back(text_of(note)); });
    EXPECT_TRUE(writer) << (writer ? "" : text_of(writer.error()));
    return std::move(*writer);
  }
  StoreWriter open() {
    StoreWriter writer = open_unreconciled();
    reconcile(writer);
    return writer;
  }
  StoreReader reader() { return std::move(StoreReader::open(path()).value()); }
  std::vector<StoredProfile> listed() {
    StoreReader read = reader();
    return list(read);
  }
  [[nodiscard]] std::string path() const { return folder_.path() + "/store"; }
  [[nodiscard]] std::string path_of(const StoredProfile& p) const {
    return path() + "/" + file_path(name_of(p));
  }

  static std::vector<StoredProfile> add(StoreWriter& writer, std::vector<NewProfile> profiles) {
    std::vector<StoredProfile> stored;
    for (const auto& result : writer.add(profiles)) {
      EXPECT_TRUE(result) << (result ? "" : text_of(result.error()));
      stored.push_back(*result);
    }
    return stored;
  }
  static void damage(const std::string& file) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(0);
    stream << std::string(200, '\xee');
  }
  size_t files() const {
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(path()))
      count += entry.path().string().ends_with(".pb.gz");
    return count;
  }

  TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

TEST_F(StoreTest, WhatIsAddedIsListedAndRead) {
  StoreWriter writer = open();
  const auto stored = add(writer, {new_profile(kSomeTime, "checkout", {{"pid", "1"}}),
                                   new_profile(kSomeTime + kMinute, "cart", {{"pid", "2"}})});
  StoreReader read = reader();
  const auto found = list(read);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, stored[0].id);
  EXPECT_EQ(found[1].service, "cart");
  EXPECT_EQ(found[1].labels, (Labels{{"pid", "2"}}));
  const auto bytes = read.read(name_of(found[0]));
  ASSERT_TRUE(bytes);
  EXPECT_EQ(parse_profile(*bytes)->sample_size(), 1);
  EXPECT_EQ(read.find(stored[1].id)->service, "cart");
  EXPECT_FALSE(read.find(1));
  EXPECT_THAT(read.services().value(), ElementsAre("cart", "checkout"));
  EXPECT_THAT(read.label_names().value(), ElementsAre("pid", "service"));
  EXPECT_THAT(read.label_values("pid", 0, INT64_MAX, 10).value(), ElementsAre("1", "2"));
  EXPECT_EQ(writer.totals().profiles, 2U);
}

TEST_F(StoreTest, HostileNamesAreKeptAsTextAndNotAsPaths) {
  StoreWriter writer = open();
  const std::string name("../../etc/\0'; DROP TABLE profiles;--\xff", 37);
  add(writer, {new_profile(kSomeTime, name, {{name, name}})});
  StoreReader read = reader();
  const auto found = list(read);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found.front().service, HasSubstr("DROP TABLE"));
  EXPECT_TRUE(read.read(name_of(found.front())));
  EXPECT_FALSE(fs::exists(path() + "/../../etc"));
}

TEST_F(StoreTest, ProfilesWithWrongTimesOrTooManyLabelsAreRefused) {
  StoreWriter writer = open();
  Labels many;
  for (int i = 0; i < 100; i++)
    many["label" + std::to_string(i)] = "x";
  const auto results =
      writer.add(std::vector{new_profile(-1), new_profile(0, "s", many), new_profile(0)});
  EXPECT_FALSE(results[0]);
  EXPECT_FALSE(results[1]);
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(files(), 1U);
}

TEST_F(StoreTest, SelectorsAgreeWithGoingThroughEverything) {
  StoreWriter writer = open();
  std::mt19937 random(11);
  const auto one_of = [&](std::vector<std::string> of) { return of[random() % of.size()]; };
  std::vector<NewProfile> profiles;
  for (int i = 0; i < 600; i++) {
    Labels labels{{"pid", std::to_string(random() % 90)}};
    if (random() % 2 == 0)
      labels["zone"] = one_of({"a", "b"});
    profiles.push_back(new_profile(kSomeTime + static_cast<int64_t>(random() % 7200) * kSecond,
                                   one_of({"checkout", "cart", "mail"}), labels));
    profiles.back().type = one_of({"cpu", "heap"});
    profiles.back().duration = static_cast<int64_t>(random() % 300) * kSecond;
  }
  const auto stored = add(writer, profiles);
  StoreReader read = reader();
  size_t matched = 0;
  for (int round = 0; round < 300; round++) {
    Selector selector;
    selector.from = kSomeTime + static_cast<int64_t>(random() % 7200) * kSecond;
    selector.to = selector.from + static_cast<int64_t>(random() % 3600) * kSecond;
    selector.overlapping = random() % 2 == 0;
    selector.type = one_of({"", "cpu", "heap"});
    if (random() % 2 == 0)
      selector.labels["service"] = one_of({"checkout", "cart", "nobody"});
    if (random() % 3 == 0)
      selector.labels["zone"] = one_of({"a", "b"});
    if (random() % 4 == 0)
      selector.labels["pid"] = std::to_string(random() % 90);

    std::vector<std::pair<TimeNanos, uint64_t>> expected;
    for (const StoredProfile& profile : stored) {
      Labels labels = profile.labels;
      labels["service"] = profile.service;
      bool right = selector.type.empty() || profile.type == selector.type;
      for (const auto& [name, value] : selector.labels)
        right &= labels.contains(name) && labels[name] == value;
      const bool began = profile.time >= selector.from;
      const bool reaches = profile.time + profile.duration > selector.from;
      right &= profile.time < selector.to && (began || (selector.overlapping && reaches));
      if (right)
        expected.emplace_back(profile.time, profile.id);
    }
    std::ranges::sort(expected);
    std::vector<std::pair<TimeNanos, uint64_t>> found;
    const auto names = read.names(selector);
    ASSERT_TRUE(names);
    for (const ProfileName& name : *names)
      found.emplace_back(name.time, name.id);
    EXPECT_EQ(found, expected) << "round " << round;
    matched += found.size();
  }
  EXPECT_GT(matched, 1000U);
}

TEST_F(StoreTest, AReaderGoesOnAfterAQueryThatThrew) {
  StoreWriter writer = open();
  std::vector<NewProfile> profiles;
  for (int i = 0; i < 100; i++) // series: looked for by time
    profiles.push_back(new_profile(kSomeTime, "checkout", {{"pid", std::to_string(i)}}));
  add(writer, profiles);
  StoreReader read = reader();
  const auto full = [](const IndexRow&, const Series&) -> Result<void> { throw std::bad_alloc(); };
  EXPECT_THROW((void)read.for_each({}, full), std::bad_alloc);
  EXPECT_THROW((void)read.for_each({.type = {}, .labels = {{"pid", "1"}}}, full), std::bad_alloc);
  EXPECT_EQ(list(read).size(), 100U);
}

TEST_F(StoreTest, AReaderIsEndedByAnError) {
  StoreWriter writer = open();
  add(writer, {new_profile(kSomeTime), new_profile(kSomeTime + kMinute)});
  ASSERT_TRUE(writer.add_metrics(kSomeTime, "one"));
  ASSERT_TRUE(writer.add_metrics(kSomeTime + kMinute, "two"));
  StoreReader read = reader();
  size_t calls = 0;
  const auto late = [&](const auto&...) -> Result<void> {
    calls++;
    return fail("query", "it takes too long");
  };
  const auto profiles = read.for_each({}, late);
  const auto metrics = read.metrics(0, INT64_MAX, late);
  EXPECT_EQ(calls, 2U);
  ASSERT_FALSE(profiles);
  EXPECT_EQ(profiles.error().why, "it takes too long");
  EXPECT_FALSE(metrics);
}

TEST_F(StoreTest, AFileWithoutARowIsTakenInAgainAndARowWithoutAFileForgotten) {
  StoredProfile lost, orphan;
  {
    StoreWriter writer = open();
    const auto stored = add(writer, {new_profile(kSomeTime), new_profile(kSomeTime + kHour)});
    lost = stored[0];
    orphan = stored[1];
  }
  bool damaged = false;
  {
    auto index = IndexWriter::open(path() + "/" + kIndexFile, damaged);
    ASSERT_TRUE(index->remove(orphan.id));
  }
  fs::remove(path_of(lost));
  StoreWriter writer = open();
  const auto found = listed();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().id, orphan.id);
  EXPECT_EQ(found.front().labels, orphan.labels);
  EXPECT_EQ(found.front().bytes, orphan.bytes);
  EXPECT_EQ(notes_.size(), 2U);
  EXPECT_EQ(writer.totals().profiles, 1U);
}

TEST_F(StoreTest, ADamagedIndexIsSetAsideAndMadeAgainFromTheFiles) {
  for (const bool cut : {false, true}) {
    const auto before = [&] {
      StoreWriter writer = open();
      add(writer, {new_profile(kSomeTime), new_profile(kSomeTime + 3 * kHour, "cart")});
      return listed();
    }();
    notes_.clear();
    const std::string index = path() + "/" + kIndexFile;
    if (cut)
      fs::resize_file(index, 5000);
    else
      damage(index);
    StoreWriter writer = open();
    const auto after = listed();
    ASSERT_EQ(after.size(), before.size());
    for (size_t i = 0; i < after.size(); i++) {
      EXPECT_EQ(after[i].id, before[i].id);
      EXPECT_EQ(after[i].service, before[i].service);
      EXPECT_EQ(after[i].value, before[i].value);
    }
    EXPECT_TRUE(fs::exists(index + ".damaged"));
    ASSERT_FALSE(notes_.empty());
    EXPECT_THAT(notes_.front(), HasSubstr("made anew"));
  }
}

TEST_F(StoreTest, AnIndexThatCannotBeReadForWantOfMemoryIsNotTakenForDamaged) {
  {
    StoreWriter writer = open();
    std::vector<NewProfile> profiles;
    for (int i = 0; i < 500; i++)
      profiles.push_back(new_profile(kSomeTime, "checkout", {{"pid", std::to_string(i)}}));
    add(writer, profiles);
  }
  size_t failed = 0;
  for (int64_t bytes = 20'000;; bytes += 1'000) {
    sqlite3_hard_heap_limit64(bytes);
    bool damaged = false;
    const auto index = IndexWriter::open(path() + "/" + kIndexFile, damaged);
    EXPECT_FALSE(damaged) << bytes;
    if (index)
      break;
    failed++;
  }
  sqlite3_hard_heap_limit64(0);
  EXPECT_GT(failed, 5U);
}

TEST_F(StoreTest, AnIndexIsMadeAnewByTheHourAndWhatIsDoneStays) {
  constexpr int kHours = 4;
  {
    StoreWriter writer = open();
    for (int i = 0; i < kHours; i++)
      add(writer, {new_profile(kSomeTime + i * kHour)});
  }
  fs::remove(path() + "/" + kIndexFile);
  for (size_t begun = 1; begun < kHours; begun++) {
    StoreWriter writer = open_unreconciled(); // and ended before it is done
    EXPECT_EQ(listed().size(), begun - 1);
    for (size_t hour = 0; hour < begun; hour++) // those done before are looked at again
      ASSERT_TRUE(writer.reconcile_hour());
    EXPECT_FALSE(writer.reconciled());
    EXPECT_EQ(listed().front().time, kSomeTime + (kHours - static_cast<int64_t>(begun)) * kHour);
  }
  StoreWriter writer = open_unreconciled();
  add(writer, {new_profile(kSomeTime + kHours * kHour)});
  reconcile(writer);
  EXPECT_EQ(listed().size(), kHours + 1U);
  EXPECT_EQ(writer.totals().profiles, kHours + 1U);
  EXPECT_EQ(notes_.size(), size_t{kHours}) << "each hour was taken in once";
}

TEST_F(StoreTest, AStoreTakesProfilesWhileItsIndexIsMadeAnew) {
  {
    StoreWriter writer = open();
    for (int i = 0; i < 5; i++)
      add(writer, {new_profile(kSomeTime + i * kHour)});
  }
  fs::remove(path() + "/" + kIndexFile);
  auto store = Store::open(path(), {}, [](const Error&) {});
  ASSERT_TRUE(store);
  std::promise<bool> stored;
  ASSERT_TRUE((*store)->add(new_profile(kSomeTime + kMinute),
                            [&](const auto& result) { stored.set_value(result.has_value()); }));
  EXPECT_TRUE(stored.get_future().get());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while ((*store)->totals().profiles < 6 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(listed().size(), 6U);
}

TEST_F(StoreTest, AFileThatIsNoProfileIsSetAside) {
  StoredProfile profile;
  {
    StoreWriter writer = open();
    profile = add(writer, {new_profile(kSomeTime)}).front();
  }
  fs::remove(path() + "/" + kIndexFile);
  damage(path_of(profile));
  StoreWriter writer = open();
  EXPECT_TRUE(listed().empty());
  EXPECT_TRUE(fs::exists(path_of(profile) + ".damaged"));
  EXPECT_THAT(notes_.front(), HasSubstr("set aside"));
}

TEST_F(StoreTest, AProfileThatAReaderCannotReadLeavesTheIndex) {
  StoreWriter writer = open();
  const auto stored = add(writer, {new_profile(kSomeTime), new_profile(kSomeTime + kMinute)});
  ASSERT_TRUE(writer.set_aside({stored[0].time, stored[0].id}, "the compressed data is damaged"));
  EXPECT_EQ(listed().size(), 1U);
  EXPECT_TRUE(fs::exists(path_of(stored[0]) + ".damaged"));
  EXPECT_EQ(writer.totals().profiles, 1U);
}

TEST_F(StoreTest, TheOldAreDeletedByAgeWithTheirFolders) {
  StoreWriter writer = open();
  const auto stored = add(writer, {new_profile(kSomeTime - 40 * 24 * kHour),
                                   new_profile(kSomeTime - 31 * 24 * kHour),
                                   new_profile(kSomeTime - 29 * 24 * kHour)});
  ASSERT_TRUE(writer.set_aside({stored[1].time, stored[1].id}, "damaged"));
  ASSERT_TRUE(writer.add_metrics(kSomeTime - 40 * 24 * kHour, "old"));
  ASSERT_TRUE(writer.add_metrics(kSomeTime, "new"));
  ASSERT_TRUE(writer.keep({.retention = 30 * 24 * kHour}, kSomeTime));
  StoreReader read = reader();
  ASSERT_EQ(list(read).size(), 1U);
  EXPECT_EQ(list(read).front().id, stored[2].id);
  std::vector<std::string> metrics;
  ASSERT_TRUE(read.metrics(0, INT64_MAX, [&](TimeNanos, std::string_view bytes) {
    metrics.emplace_back(bytes);
    return Result<void>();
  }));
  EXPECT_THAT(metrics, ElementsAre("new"));
  EXPECT_FALSE(fs::exists(path() + "/" + day_folder(stored[0].time)));
  EXPECT_FALSE(fs::exists(path() + "/" + day_folder(stored[1].time)));
}

TEST_F(StoreTest, TheOldestAreDeletedUntilTheSizeIsKept) {
  StoreWriter writer = open();
  std::vector<NewProfile> profiles;
  for (int i = 0; i < 1500; i++)
    profiles.push_back(new_profile(kSomeTime + i * kMinute));
  const auto stored = add(writer, profiles);
  // The index gives its pages back, so that fewer than 900 have to go.
  const uint64_t limit = writer.totals().bytes - 900 * stored.front().bytes;
  ASSERT_TRUE(writer.keep({.max_bytes = limit}, kSomeTime + 1500 * kMinute));
  EXPECT_LE(writer.totals().bytes, limit);
  const auto left = listed();
  EXPECT_GT(left.size(), 10U);
  EXPECT_LT(left.size(), 1500U);
  EXPECT_EQ(left.back().time, kSomeTime + 1499 * kMinute);
  for (size_t i = 1; i < left.size(); i++)
    EXPECT_EQ(left[i].time - left[i - 1].time, kMinute); // no gap: the oldest went
  EXPECT_EQ(files(), left.size());
}

Selector with_label(const std::string& name, const std::string& value) {
  Selector selector;
  selector.labels[name] = value;
  return selector;
}

Selector triggered_only() {
  Selector selector;
  selector.triggered = Triggered::kOnly;
  return selector;
}

// Profiles an hour apart, every second one by a trigger.
std::vector<NewProfile> ordinary_and_triggered(int count) {
  std::vector<NewProfile> profiles;
  for (int i = 0; i < count; i++)
    profiles.push_back(new_profile(kSomeTime + i * kHour, "checkout",
                                   i % 2 == 0 ? Labels{{"pid", "1"}}
                                              : Labels{{"pid", "1"}, {"trigger", "cpu > 80%"}}));
  return profiles;
}

TEST_F(StoreTest, WhatTriggersTookIsListedOnlyWhereItIsAskedFor) {
  StoreWriter writer = open();
  const auto stored = add(writer, ordinary_and_triggered(10));
  StoreReader read = reader();
  EXPECT_EQ(list(read).size(), 5U);
  EXPECT_EQ(list(read, with_label("pid", "1")).size(), 5U);
  const auto by_label = list(read, with_label("trigger", "cpu > 80%"));
  const auto only = list(read, triggered_only());
  ASSERT_EQ(only.size(), 5U);
  ASSERT_EQ(by_label.size(), 5U);
  EXPECT_EQ(only[0].id, stored[1].id);
  EXPECT_TRUE(list(read, with_label("trigger", "other")).empty());
  EXPECT_THAT(path_of(stored[1]), HasSubstr("/triggered/"));
  const auto names = read.names(triggered_only());
  ASSERT_TRUE(names);
  for (const ProfileName& name : *names)
    EXPECT_TRUE(read.read(name));
  EXPECT_TRUE(read.read(name_of(*read.find(stored[1].id))));
  EXPECT_EQ(writer.totals().triggered_profiles, 5U);
  EXPECT_EQ(writer.totals().profiles, 10U);
}

TEST_F(StoreTest, WhatTriggersTookOutlivesTheOthersByAge) {
  StoreWriter writer = open();
  const auto stored = add(writer, ordinary_and_triggered(48));
  const TimeNanos now = kSomeTime + 48 * kHour;
  ASSERT_TRUE(writer.keep({.retention = kHour, .triggered_retention = 24 * kHour}, now));
  EXPECT_TRUE(listed().empty());
  StoreReader read = reader();
  const auto left = list(read, triggered_only());
  ASSERT_EQ(left.size(), 12U);
  EXPECT_EQ(left.front().time, now - 23 * kHour);
  for (const StoredProfile& profile : left)
    EXPECT_TRUE(read.read(name_of(profile)));
  EXPECT_EQ(files(), 12U);
  EXPECT_FALSE(fs::exists(fs::path(path_of(stored[1])).parent_path()));
  ASSERT_TRUE(writer.keep({.retention = kHour}, now + 1000 * kHour)) << "0 is for ever";
  EXPECT_EQ(files(), 12U);
}

TEST_F(StoreTest, NeitherKindTakesTheOthersRoom) {
  StoreWriter writer = open();
  const auto stored = add(writer, ordinary_and_triggered(60));
  const uint64_t each = stored[1].bytes;
  ASSERT_TRUE(writer.keep({.triggered_max_bytes = 10 * each}, kSomeTime + 60 * kHour));
  EXPECT_EQ(listed().size(), 30U);
  StoreReader read = reader();
  const auto left = list(read, triggered_only());
  EXPECT_EQ(left.size(), 10U);
  EXPECT_EQ(left.back().time, kSomeTime + 59 * kHour) << "the oldest went";
  EXPECT_EQ(writer.totals().triggered_bytes, 10 * each);
  const StoreLimits ordinary{.max_bytes = 1};
  EXPECT_TRUE(ordinary.are_exceeded(writer.totals()));
  ASSERT_TRUE(writer.keep(ordinary, kSomeTime + 60 * kHour));
  EXPECT_TRUE(listed().empty());
  EXPECT_EQ(list(read, triggered_only()).size(), 10U);
}

TEST_F(StoreTest, WhatTriggersTookComesBackWithALostIndex) {
  {
    StoreWriter writer = open();
    add(writer, ordinary_and_triggered(6));
  }
  ASSERT_TRUE(fs::remove(path() + "/" + kIndexFile));
  StoreWriter writer = open();
  EXPECT_EQ(listed().size(), 3U);
  StoreReader read = reader();
  EXPECT_EQ(list(read, triggered_only()).size(), 3U);
  EXPECT_EQ(writer.totals().triggered_profiles, 3U);
}

TEST_F(StoreTest, AFileInTheFolderOfTheOtherKindIsSetAside) {
  std::vector<StoredProfile> stored;
  {
    StoreWriter writer = open();
    stored = add(writer, ordinary_and_triggered(2));
  }
  ASSERT_TRUE(fs::remove(path() + "/" + kIndexFile));
  const std::string wrong = path() + "/" + file_path({stored[1].time, stored[1].id, false});
  fs::create_directories(fs::path(wrong).parent_path());
  fs::rename(path_of(stored[1]), wrong);
  StoreWriter writer = open();
  EXPECT_EQ(writer.totals().profiles, 1U);
  EXPECT_TRUE(fs::exists(wrong + ".damaged"));
}

TEST_F(StoreTest, MetricsGoWhereTheyAloneAreTooMuch) {
  StoreWriter writer = open();
  const std::string bytes(100'000, 'm');
  for (int i = 0; i < 50; i++)
    ASSERT_TRUE(writer.add_metrics(kSomeTime + i * kHour, bytes));
  ASSERT_TRUE(writer.keep({.max_bytes = 2'000'000}, kSomeTime + 60 * kHour));
  EXPECT_LE(writer.totals().bytes, 2'000'000U);
  TimeNanos newest = 0;
  ASSERT_TRUE(reader().metrics(0, INT64_MAX, [&](TimeNanos time, std::string_view) {
    newest = time;
    return Result<void>();
  }));
  EXPECT_EQ(newest, kSomeTime + 49 * kHour);
}

TEST_F(StoreTest, TwoProcessesCannotWriteOneStore) {
  StoreWriter writer = open();
  const auto second = StoreWriter::open(path(), [](const Error&) {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().why, HasSubstr("another process"));
}

TEST_F(StoreTest, ReadersSeeWholeBatchesWhileTheWriterWrites) {
  auto store = Store::open(path(), {}, [](const Error&) {});
  ASSERT_TRUE(store);
  std::atomic<bool> ending = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; i++)
    readers.emplace_back([&] {
      size_t before = 0;
      while (!ending) {
        auto lease = (*store)->reader();
        ASSERT_TRUE(lease);
        const auto names = (*lease)->names({});
        ASSERT_TRUE(names);
        EXPECT_GE(names->size(), before);
        before = names->size();
        if (!names->empty()) {
          EXPECT_TRUE((*lease)->read(names->back()));
        }
      }
    });
  std::promise<void> last;
  for (int i = 0; i < 200; i++)
    EXPECT_TRUE((*store)->add(new_profile(kSomeTime + i * kSecond),
                              [&, i](const Result<StoredProfile>& stored) {
                                EXPECT_TRUE(stored);
                                if (i == 199)
                                  last.set_value();
                              }));
  ASSERT_EQ(last.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  ending = true;
  for (std::thread& thread : readers)
    thread.join();
  EXPECT_EQ((*store)->totals().profiles, 200U);
}

} // namespace
} // namespace pprofd::serve
