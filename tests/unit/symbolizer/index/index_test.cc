#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "symbolizer/index/reader.h"
#include "symbolizer/index/sum.h"
#include "symbolizer/index/writer.h"

namespace pprofd::symbolizer {
namespace {

constexpr std::string_view kKey = "a-key";
constexpr uint64_t kBase = 0x400000;
constexpr size_t kRoom = 1 << 20;

// What an answer says, in one line.
std::string text_of(const IndexAnswer& answer) {
  std::string text = std::to_string(answer.start.value);
  for (const IndexFrame& frame : answer.frames)
    text += " " + std::string(frame.system_name) + "@" + std::to_string(frame.start_line) + " " +
            std::string(frame.file) + ":" + std::to_string(frame.line) + ":" +
            std::to_string(frame.column);
  return text;
}

// An index of one function with another one inlined, between code that nothing is known of.
std::vector<std::byte> small_index() {
  std::vector<std::byte> room(kRoom);
  IndexWriter writer(room, kBase);
  const uint32_t file = writer.add_file("/src/a.cc");
  const uint32_t outer = writer.add_function(writer.add_name("outer", 1), kBase + 16);
  const uint32_t inner = writer.add_inlined(outer, writer.add_name("inner", 7), file, 3, 5);
  writer.add(kBase + 16, {.node = outer, .file = file, .line = 2, .column = 1});
  writer.add(kBase + 20, {.node = inner, .file = file, .line = 8, .column = 9});
  writer.add(kBase + 24, {.node = outer, .file = file, .line = 4, .column = 0});
  writer.end_run(kBase + 32);
  room.resize(writer.finish(kKey).value());
  return room;
}

TEST(Index, OfAFileWithoutCodeIsWholeAndKnowsNothing) {
  std::vector<std::byte> room(kRoom);
  IndexWriter writer(room, kBase);
  room.resize(writer.finish(kKey).value());
  auto reader = IndexReader::open(room, kKey);
  ASSERT_TRUE(reader);
  EXPECT_EQ(text_of(reader->find({kBase})), "0");
  EXPECT_FALSE(reader->damaged());
}

TEST(Index, AnswersWhatWasWritten) {
  const auto bytes = small_index();
  auto reader = IndexReader::open(bytes, kKey);
  ASSERT_TRUE(reader);
  EXPECT_EQ(text_of(reader->find({kBase})), "0");
  EXPECT_EQ(text_of(reader->find({kBase + 15})), "0");
  EXPECT_EQ(text_of(reader->find({kBase + 16})), "4194320 outer@1 /src/a.cc:2:1");
  EXPECT_EQ(text_of(reader->find({kBase + 23})),
            "4194320 inner@7 /src/a.cc:8:9 outer@1 /src/a.cc:3:5");
  EXPECT_EQ(text_of(reader->find({kBase + 31})), "4194320 outer@1 /src/a.cc:4:0");
  EXPECT_EQ(text_of(reader->find({kBase + 32})), "0");
  EXPECT_EQ(text_of(reader->find({0})), "0");
  EXPECT_EQ(text_of(reader->find({UINT64_MAX})), "0");
  EXPECT_FALSE(reader->damaged());
}

TEST(Index, ManyRunsInAnyOrderAnswerWhatWasWritten) {
  std::mt19937 random(1);
  std::vector<std::byte> room(kRoom * 4);
  IndexWriter writer(room, kBase);
  std::map<uint64_t, std::string> expected; // from an address on
  std::vector<uint64_t> runs;
  for (uint64_t start = kBase; runs.size() < 500; start += 1000)
    runs.push_back(start);
  std::shuffle(runs.begin(), runs.end(), random);
  for (const uint64_t run : runs) {
    const std::string name = "function_" + std::to_string(random() % 300);
    const uint32_t node = writer.add_function(writer.add_name(name, 5), run);
    uint64_t at = run;
    for (int piece = 0; piece < 100; ++piece, at += 1 + random() % 9) {
      const std::string file = "/src/" + std::to_string(random() % 400) + ".cc";
      const auto line = static_cast<uint32_t>(random() % 100'000);
      const auto column = static_cast<uint32_t>(random() % 3);
      writer.add(at, {.node = node, .file = writer.add_file(file), .line = line, .column = column});
      expected[at] = std::to_string(run) + " " + name + "@5 " + file + ":" + std::to_string(line) +
                     ":" + std::to_string(column);
    }
    writer.end_run(at);
    expected[at] = "0";
  }
  room.resize(writer.finish(kKey).value());
  auto reader = IndexReader::open(room, kKey);
  ASSERT_TRUE(reader);
  for (uint64_t address = kBase; address < kBase + 500'000; address += 1 + random() % 3)
    ASSERT_EQ(text_of(reader->find({address})), std::prev(expected.upper_bound(address))->second);
}

TEST(Index, WhatHasNoRoomFails) {
  std::vector<std::byte> room(kIndexPage);
  IndexWriter writer(room, kBase);
  for (uint64_t i = 0; i < 10'000; ++i)
    writer.add(kBase + i, {.line = static_cast<uint32_t>(i + 1)});
  writer.end_run(kBase + 10'000);
  EXPECT_TRUE(writer.full());
  EXPECT_EQ(writer.finish(kKey).error().why, "the index has no room");
  EXPECT_FALSE(IndexWriter({}, 0).finish(kKey));
}

TEST(Index, AnAddressTooFarFails) {
  std::vector<std::byte> room(kRoom);
  IndexWriter writer(room, kBase);
  writer.add(kBase + (uint64_t{1} << 32), {.line = 1});
  EXPECT_TRUE(writer.full());
}

TEST(Index, AnotherKeyOrVersionIsRefused) {
  auto bytes = small_index();
  EXPECT_EQ(IndexReader::open(bytes, "b-key").error().why, "it is the index of another file");
  IndexHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.version = kIndexVersion + 1;
  std::memcpy(bytes.data(), &header, sizeof header);
  EXPECT_EQ(IndexReader::open(bytes, kKey).error().why,
            "it is an index of version " + std::to_string(kIndexVersion + 1));
}

TEST(Index, ATruncatedOneIsRefused) {
  const auto bytes = small_index();
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(IndexReader::open(std::span(bytes).first(size), kKey)) << size;
}

TEST(Index, NoFlippedBitMakesAWrongAnswer) {
  auto bytes = small_index();
  std::vector<std::string> right;
  auto whole = IndexReader::open(bytes, kKey);
  for (uint64_t address = kBase; address < kBase + 40; ++address)
    right.push_back(text_of(whole->find({address})));
  size_t refused = 0;
  size_t damaged = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    auto reader = IndexReader::open(bytes, kKey);
    refused += !reader;
    for (uint64_t i = 0; reader && i < right.size(); ++i) {
      const std::string found = text_of(reader->find({kBase + i}));
      if (reader->damaged())
        break;
      ASSERT_EQ(found, right[i]) << bit;
    }
    damaged += reader && reader->damaged();
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  EXPECT_GT(refused, sizeof(IndexHeader) * 7);
  EXPECT_GT(damaged, 400U);
}

} // namespace
} // namespace pprofd::symbolizer
