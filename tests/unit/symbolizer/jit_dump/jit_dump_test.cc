#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbolizer/jit_dump/jit_dump.h"

namespace pprofd::symbolizer {
namespace {

struct Line {
  uint64_t address;
  uint32_t line;
  std::string file;
};

// Writes records as the specification has them.
class Dump {
public:
  explicit Dump(uint32_t padding = 0, uint64_t flags = 0) {
    add<uint32_t>(0x4a695444, 1, 40, 62, padding, 77);
    add<uint64_t>(0, flags);
  }

  Dump& load(uint64_t time, uint64_t address, uint64_t size, std::string_view name) {
    prefix(0, 56 + name.size() + 1 + 3, time); // with three bytes of code
    add<uint32_t>(77, 78);
    add<uint64_t>(address, address, size, 1);
    text(name);
    bytes_ += "\x90\x90\xc3";
    return *this;
  }
  Dump& move(uint64_t time, uint64_t from, uint64_t to, uint64_t size) {
    prefix(1, 64, time);
    add<uint32_t>(77, 78);
    add<uint64_t>(to, from, to, size, 1);
    return *this;
  }
  Dump& lines(uint64_t address, const std::vector<Line>& lines) {
    size_t size = 32;
    for (const Line& line : lines)
      size += 17 + line.file.size();
    prefix(2, size, 0);
    add<uint64_t>(address, lines.size());
    for (const Line& line : lines) {
      add<uint64_t>(line.address);
      add<uint32_t>(line.line, 0);
      text(line.file);
    }
    return *this;
  }
  Dump& other(uint32_t id, size_t size) {
    prefix(id, 16 + size, 0);
    bytes_.append(size, 'x');
    return *this;
  }
  Dump& prefix(uint32_t id, size_t size, uint64_t time) {
    add<uint32_t>(id, static_cast<uint32_t>(size));
    add<uint64_t>(time);
    return *this;
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
  template <typename T, typename... Values> void add(Values... values) {
    for (const T value : {static_cast<T>(values)...})
      bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view text) { (bytes_ += text) += '\0'; }

  std::string bytes_;
};

class Read {
public:
  explicit Read(const Dump& dump) : Read(dump.bytes()) {}
  explicit Read(std::string bytes) : bytes_(std::move(bytes)) { dump_.read(source()); }

  void grow_to(const Dump& dump) {
    bytes_ = dump.bytes();
    dump_.read(source());
  }
  [[nodiscard]] std::string at(uint64_t address, uint64_t time = JitDump::kNow) const {
    const auto found = dump_.find(source(), address, time);
    return found ? found->name : "-";
  }
  [[nodiscard]] std::string line_at(uint64_t address) const {
    const auto found = dump_.find(source(), address, JitDump::kNow);
    return found ? found->file + ":" + std::to_string(found->line) : "-";
  }
  const JitDump* operator->() const { return &dump_; }

private:
  [[nodiscard]] ByteSource source() const {
    return ByteSource::of_memory(std::as_bytes(std::span(bytes_)));
  }
  std::string bytes_;
  JitDump dump_;
};

TEST(JitDump, FindsTheFunctionAroundAnAddress) {
  const Read dump(
      Dump().load(1, 0x1000, 0x20, "first").other(4, 40).other(3, 0).load(2, 0x2000, 1, "second"));
  EXPECT_EQ(dump.at(0xfff), "-");
  EXPECT_EQ(dump.at(0x1000), "first");
  EXPECT_EQ(dump.at(0x101f), "first");
  EXPECT_EQ(dump.at(0x1020), "-");
  EXPECT_EQ(dump.at(0x2000), "second");
  EXPECT_EQ(dump->size(), 2U);
  EXPECT_FALSE(dump->damaged());
}

TEST(JitDump, ReplacedCodeIsFoundAsOfItsTime) {
  const Read dump(Dump()
                      .load(10, 0x1000, 0x100, "old")
                      .load(20, 0x1040, 0x20, "new")
                      .load(30, 0x1000, 0x100, "newest"));
  EXPECT_EQ(dump.at(0x1050, 15), "old");
  EXPECT_EQ(dump.at(0x1050, 20), "new");
  EXPECT_EQ(dump.at(0x1050, 29), "new");
  EXPECT_EQ(dump.at(0x1050), "newest");
  EXPECT_EQ(dump.at(0x1010, 25), "old"); // what the new one left of it
  EXPECT_EQ(dump.at(0x1010, 30), "newest");
  EXPECT_EQ(dump.at(0x1050, 5), "old"); // told late: the first that came there
}

TEST(JitDump, MovedCodeHasItsNameAtBothPlacesInTime) {
  const Read dump(Dump()
                      .load(10, 0x1000, 0x10, "moved")
                      .move(20, 0x1000, 0x5000, 0x10)
                      .load(30, 0x1000, 0x10, "other")
                      .move(40, 0x7777, 0x8888, 0x10)); // what was never told of
  EXPECT_EQ(dump.at(0x1008, 10), "moved");
  EXPECT_EQ(dump.at(0x5008, 20), "moved");
  EXPECT_EQ(dump.at(0x5008), "moved");
  EXPECT_EQ(dump.at(0x1008), "other");
  EXPECT_EQ(dump.at(0x8888), "-");
  EXPECT_FALSE(dump->damaged());
}

TEST(JitDump, TimesOfAnotherClockCountForNothing) {
  const Read dump(
      Dump(0, /*flags=*/1).load(1000, 0x1000, 0x10, "old").load(2000, 0x1000, 0x10, "new"));
  EXPECT_EQ(dump.at(0x1000, 1500), "new");
}

TEST(JitDump, LinesAreThoseOfTheEntryBefore) {
  const Read dump(
      Dump()
          .lines(0x1000, {{0x1000, 7, "a.js"}, {0x1008, 9, "\xff"}, {0x1010, 3, "b.js"}})
          .load(1, 0x1000, 0x20, "lined")
          .load(2, 0x2000, 0x20, "bare")
          .move(3, 0x1000, 0x9000, 0x20));
  EXPECT_EQ(dump.line_at(0x1000), "a.js:7");
  EXPECT_EQ(dump.line_at(0x100c), "a.js:9");
  EXPECT_EQ(dump.line_at(0x101f), "b.js:3");
  EXPECT_EQ(dump.line_at(0x2000), ":0");
  EXPECT_EQ(dump.line_at(0x900c), "a.js:9");
}

TEST(JitDump, LinesOfV8AreBehindAnElfHeader) {
  const Read dump(Dump(0xdeadbeef)
                      .lines(0x1000, {{0x1040, 7, "a.js"}, {0x1048, 9, "a.js"}})
                      .load(1, 0x1000, 0x20, "lined"));
  EXPECT_EQ(dump.line_at(0x1000), "a.js:7");
  EXPECT_EQ(dump.line_at(0x1009), "a.js:9");
}

TEST(JitDump, LinesOfWhichOneIsOutsideTheFunctionAreNotTaken) {
  const Read dump(Dump()
                      .lines(0x1000, {{0x1000, 7, "a.js"}, {0x5000, 9, "a.js"}})
                      .load(1, 0x1000, 0x20, "lined"));
  EXPECT_EQ(dump.at(0x1000), "lined");
  EXPECT_EQ(dump.line_at(0x1000), ":0");
}

TEST(JitDump, GoesOnBehindTheLastWholeRecord) {
  Dump all;
  all.load(1, 0x1000, 0x20, "first");
  const std::string begun = all.bytes();
  all.load(2, 0x1000, 0x20, "second");
  for (size_t cut = 0; cut < all.bytes().size(); ++cut) {
    Read dump(all.bytes().substr(0, cut));
    EXPECT_EQ(dump.at(0x1000), cut < begun.size() ? "-" : "first") << cut;
    EXPECT_FALSE(dump->damaged());
    dump.grow_to(all);
    EXPECT_EQ(dump.at(0x1000), "second") << cut;
    EXPECT_EQ(dump.at(0x1000, 1), "first") << cut;
  }
}

TEST(JitDump, WhatIsNoneOrDamagedEndsTheReading) {
  EXPECT_TRUE(Read(std::string(100, 'x'))->damaged());
  Dump short_record;
  short_record.load(1, 0x1000, 0x20, "good").prefix(0, 8, 0).load(2, 0x2000, 0x20, "lost");
  const Read dump(short_record);
  EXPECT_TRUE(dump->damaged());
  EXPECT_EQ(dump.at(0x1000), "good");
  EXPECT_EQ(dump.at(0x2000), "-");
  EXPECT_TRUE(Read(Dump().load(1, UINT64_MAX - 4, 0x20, "beyond"))->damaged());
}

TEST(JitDump, NamesAreCut) {
  const Read dump(Dump().load(1, 0x1000, 0x20, std::string(100'000, 'n')));
  EXPECT_EQ(dump.at(0x1000), std::string(JitDump::kMostName, 'n'));
}

} // namespace
} // namespace pprofd::symbolizer
