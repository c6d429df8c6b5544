#include <gtest/gtest.h>

#include <vector>

#include "symbolizer/client/symbol_reader.h"
#include "symbolizer/protocol/limits.h"

namespace pprofd::symbolizer {
namespace {

worker::SymbolReply reply_with(const std::vector<uint64_t>& starts) {
  worker::SymbolReply reply;
  for (const uint64_t start : starts)
    reply.add_symbols()->set_start(start);
  return reply;
}

TEST(SymbolReader, SymbolsMustAscend) {
  SymbolFacts facts;
  std::vector<uint64_t> starts;
  const SymbolSink sink = [&](const ListedSymbol& symbol) { starts.push_back(symbol.start.value); };
  SymbolReader reader(sink, facts);
  EXPECT_TRUE(reader.take(reply_with({1, 1, 2})));
  EXPECT_EQ(reader.take(reply_with({1})).error().why, "symbols that do not ascend");
  EXPECT_TRUE(reader.take(reply_with({2, 9})));
  EXPECT_EQ(starts, (std::vector<uint64_t>{1, 1, 2, 2, 9}));
}

TEST(SymbolReader, OnlyThoseAskedForAreTaken) {
  SymbolFacts facts;
  const SymbolSink none;
  SymbolReader reader(none, facts);
  EXPECT_EQ(reader.take(reply_with({1})).error().why, "symbols that nobody asked for");
}

TEST(SymbolReader, ListsEnd) {
  SymbolFacts facts;
  uint64_t taken = 0;
  const SymbolSink sink = [&](const ListedSymbol&) { ++taken; };
  SymbolReader reader(sink, facts);
  const worker::SymbolReply reply = reply_with(std::vector<uint64_t>(100'000, 1));
  while (taken < kMaxSymbols)
    ASSERT_TRUE(reader.take(reply));
  EXPECT_EQ(reader.take(reply).error().why, "too many symbols");
  EXPECT_EQ(taken, kMaxSymbols);
}

TEST(SymbolReader, TheLastReplyHasTheFacts) {
  SymbolFacts facts;
  const SymbolSink none;
  SymbolReader reader(none, facts);
  worker::SymbolReply reply;
  reply.set_last(true);
  reply.set_build_id("\x01\xab");
  worker::SymbolReply::Source& source = *reply.mutable_facts()->add_sources();
  source.set_name(".symtab");
  source.set_symbols(3);
  reply.mutable_facts()->set_memory(48);
  reply.mutable_facts()->add_notes("a note");
  EXPECT_TRUE(reader.take(reply));
  EXPECT_EQ(facts.build_id, "01ab");
  EXPECT_EQ(facts.failure, "");
  ASSERT_EQ(facts.sources.size(), 1U);
  EXPECT_EQ(facts.sources[0].name, ".symtab");
  EXPECT_EQ(facts.sources[0].symbols, 3U);
  EXPECT_EQ(facts.memory, 48U);
  EXPECT_EQ(facts.notes, std::vector<std::string>{"a note"});
}

} // namespace
} // namespace pprofd::symbolizer
