// What the writer sends passes the client's checks, whatever the names are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbolizer/client/symbol_reader.h"
#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"
#include "symbolizer/worker/symbol_writer.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::symbolizer {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr size_t kMangledLength = 32'000;

class SymbolList : public testing::Test {
protected:
  static Symbol symbol(uint64_t start, std::string name) {
    return {.start = {start}, .size = 4, .origin = SymbolOrigin::kDynsym, .name = std::move(name)};
  }

  void finish(const std::string& notes = "") {
    const Fd fd = test::open_file("/proc/self/exe");
    const auto source = ByteSource::of_file(fd.get()).value();
    const auto image = ElfImage::open(source).value();
    writer_.finish(image, SymbolTable::build(source, image), notes);
  }

  bool listening_ = true;
  size_t replies_ = 0;
  std::vector<std::string> names_;
  SymbolFacts facts_;
  SymbolSink sink_ = [this](const ListedSymbol& symbol) {
    EXPECT_EQ(symbol.size, 4U);
    EXPECT_EQ(symbol.source, static_cast<size_t>(SymbolOrigin::kDynsym));
    names_.emplace_back(symbol.name);
  };
  SymbolReader reader_{sink_, facts_};
  SymbolWriter::Send send_ = [this](const worker::SymbolReply& reply) {
    ++replies_;
    const auto bytes = encode(reply);
    EXPECT_LE(bytes.size(), kMaxPacket);
    const auto decoded = decode_symbol_reply(bytes, 7);
    EXPECT_TRUE(decoded) << decoded.error().why;
    const auto taken = reader_.take(*decoded);
    EXPECT_TRUE(taken) << taken.error().why;
    return listening_;
  };
  SymbolWriter writer_{7, NameStyle::kFull, kMangledLength, send_};
};

TEST_F(SymbolList, NamesAreDemangledAndClean) {
  EXPECT_TRUE(writer_.add(symbol(1, "_ZN1a1bEi")));
  EXPECT_TRUE(writer_.add(symbol(2, "evil\x1b[2J\xff")));
  finish("a note\n");
  ASSERT_THAT(names_, SizeIs(2));
  EXPECT_EQ(names_[0], "a::b(int)");
  EXPECT_EQ(names_[1].find('\x1b'), std::string::npos);
  EXPECT_THAT(facts_.notes, SizeIs(1));
}

TEST_F(SymbolList, WithoutSymbolsItIsOneReplyWithTheSources) {
  finish();
  EXPECT_EQ(replies_, 1U);
  EXPECT_THAT(facts_.sources, SizeIs(kSymbolOrigins));
  EXPECT_EQ(facts_.sources[0].name, ".symtab");
  EXPECT_GT(facts_.sources[0].symbols, 100U);
  EXPECT_GT(facts_.memory, 0U);
  EXPECT_THAT(facts_.notes, SizeIs(0));
}

TEST_F(SymbolList, LongNamesAreCutAndFillAsManyRepliesAsTheyNeed) {
  constexpr size_t kCount = 100;
  const std::string name(kMaxText + 1000, 'x');
  for (size_t i = 0; i < kCount; ++i)
    EXPECT_TRUE(writer_.add(symbol(i, name)));
  finish();
  EXPECT_THAT(names_, SizeIs(kCount));
  EXPECT_LE(names_.back().size(), kMaxText);
  EXPECT_GE(replies_, kCount * kMaxText / kMaxPacket);
}

TEST_F(SymbolList, ManySmallSymbolsFitTheirReplies) {
  constexpr size_t kCount = 200'000;
  for (size_t i = 0; i < kCount; ++i)
    EXPECT_TRUE(writer_.add(symbol(UINT64_MAX - kCount + i, "f")));
  finish();
  EXPECT_THAT(names_, SizeIs(kCount));
}

TEST_F(SymbolList, EndsWhereNobodyListens) {
  listening_ = false;
  size_t added = 0;
  while (added < 1'000'000 && writer_.add(symbol(added, "function")))
    ++added;
  EXPECT_LT(added, 100'000U);
  EXPECT_EQ(replies_, 1U);
}

} // namespace
} // namespace pprofd::symbolizer
