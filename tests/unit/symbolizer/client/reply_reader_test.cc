#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "symbolizer/client/reply_reader.h"
#include "symbolizer/protocol/limits.h"

namespace pprofd::symbolizer {
namespace {

void add_frame(worker::Reply::Address& address, std::initializer_list<uint32_t> numbers) {
  for (const uint32_t number : numbers)
    address.add_frames(number);
}

TEST(ReplyReader, LongNamesDoNotTakeAllMemory) {
  constexpr size_t kNames = 2 * ReplyReader::kTextBudget / kMaxText;
  SymbolizedFile file;
  file.addresses.resize(kNames);
  ReplyReader reader(file);
  for (uint32_t i = 0; i < kNames; ++i) {
    worker::Reply reply;
    const std::string number = std::to_string(i) + "x";
    reply.add_texts(number + std::string(kMaxText - number.size(), 'x'));
    worker::Reply::Address& address = *reply.add_addresses();
    address.set_index(i);
    add_frame(address, {1, 0, 0, 0, 0, 0});
    reader.take(reply, 0);
  }
  EXPECT_LE(file.texts.bytes(), ReplyReader::kTextBudget + kNames * ReplyReader::kShortText);
  EXPECT_EQ(file.addresses.front().frames.at(0).function.size(), kMaxText);
  EXPECT_TRUE(file.addresses.back().frames.at(0).function.ends_with("x..."));
}

TEST(ReplyReader, ManyFramesDoNotTakeAllMemory) {
  constexpr size_t kAddresses = 2 * ReplyReader::kFrameBudget / kMaxInlineFrames;
  SymbolizedFile file;
  file.addresses.resize(kAddresses);
  ReplyReader reader(file);
  worker::Reply reply;
  reply.add_texts("f");
  for (uint32_t i = 0; i < kAddresses; ++i) {
    worker::Reply::Address& address = *reply.add_addresses();
    address.set_index(i);
    for (size_t frame = 0; frame < kMaxInlineFrames; ++frame)
      add_frame(address, {1, 0, 0, 0, 0, 0});
  }
  reader.take(reply, 0);
  size_t frames = 0;
  for (const SymbolizedAddress& address : file.addresses)
    frames += address.frames.size();
  EXPECT_EQ(frames, ReplyReader::kFrameBudget);
}

TEST(ReplyReader, RepliesFillTheAddressesInAnyOrder) {
  SymbolizedFile file;
  file.addresses.resize(4);
  ReplyReader reader(file);
  worker::Reply reply;
  for (const char* const text : {"f(int)", "_Z1fi", "f.cc"})
    reply.add_texts(text);
  reply.add_addresses()->set_address(2);
  reply.mutable_addresses(0)->set_index(1);
  add_frame(*reply.mutable_addresses(0), {1, 2, 3, 3, 0, 0, 1, 0, 0, 0, 0, 0});
  reader.take(reply, 0);
  reply.mutable_addresses(0)->set_index(0);
  reply.mutable_addresses(0)->set_address(1);
  reply.mutable_addresses(0)->clear_frames();
  reply.clear_texts();
  reader.take(reply, 0);
  reply.mutable_addresses(0)->set_address(4);
  reply.set_build_id("\x0a\xff");
  reply.set_failure("half of it");
  reader.take(reply, 3); // of the next request
  EXPECT_EQ(file.addresses[0].address, ElfAddress{1});
  EXPECT_TRUE(file.addresses[0].frames.empty());
  EXPECT_EQ(file.addresses[1].address, ElfAddress{2});
  EXPECT_EQ(file.addresses[2].address, ElfAddress{});
  EXPECT_EQ(file.addresses[3].address, ElfAddress{4});
  ASSERT_EQ(file.addresses[1].frames.size(), 2U);
  EXPECT_EQ(file.addresses[1].frames[0].function, "f(int)");
  EXPECT_EQ(file.addresses[1].frames[0].system_name, "_Z1fi");
  EXPECT_EQ(file.addresses[1].frames[0].file, "f.cc");
  EXPECT_EQ(file.addresses[1].frames[0].line, 3U);
  EXPECT_EQ(file.addresses[1].frames[1].system_name, "f(int)");
  EXPECT_EQ(file.build_id, "0aff");
  EXPECT_EQ(file.failure, "half of it");
}

} // namespace
} // namespace pprofd::symbolizer
