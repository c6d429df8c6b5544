#include <gtest/gtest.h>

#include "symbolizer/client/reply_reader.h"
#include "symbolizer/protocol/limits.h"

namespace pprofd::symbolizer {
namespace {

TEST(ReplyReader, OneLongNameNamedManyTimesDoesNotTakeAllMemory) {
  SymbolizedFile file;
  file.addresses.resize(kMaxOffsets);
  ReplyReader reader(file);
  worker::Reply reply;
  reply.add_frames()->set_function(std::string(kMaxText, 'x'));
  for (size_t i = 0; i < kMaxOffsets; ++i)
    reply.add_addresses()->add_frames(0);
  reader.take(reply);
  size_t bytes = 0;
  for (const auto& address : file.addresses)
    bytes += address.frames.at(0).function.size();
  EXPECT_LE(bytes, ReplyReader::kTextBudget + kMaxOffsets * ReplyReader::kShortText);
  EXPECT_EQ(file.addresses.front().frames[0].function.size(), kMaxText);
  EXPECT_TRUE(file.addresses.back().frames[0].function.ends_with("x..."));
}

TEST(ReplyReader, SeveralRepliesFillTheAddressesInOrder) {
  SymbolizedFile file;
  file.addresses.resize(3);
  ReplyReader reader(file);
  worker::Reply reply;
  worker::Reply::Frame& frame = *reply.add_frames();
  frame.set_function("f(int)");
  frame.set_system_name("_Z1fi");
  frame.set_file("f.cc");
  frame.set_line(3);
  reply.add_addresses()->set_address(1);
  reader.take(reply);
  reply.mutable_addresses(0)->set_address(2);
  reply.mutable_addresses(0)->add_frames(0);
  reply.set_build_id("\x0a\xff");
  reply.set_failure("half of it");
  reader.take(reply);
  reader.skip(1);
  EXPECT_EQ(file.addresses[0].address, ElfAddress{1});
  EXPECT_TRUE(file.addresses[0].frames.empty());
  ASSERT_EQ(file.addresses[1].frames.size(), 1U);
  EXPECT_EQ(file.addresses[1].frames[0].function, "f(int)");
  EXPECT_EQ(file.addresses[1].frames[0].system_name, "_Z1fi");
  EXPECT_EQ(file.addresses[1].frames[0].file, "f.cc");
  EXPECT_EQ(file.addresses[1].frames[0].line, 3U);
  EXPECT_EQ(file.build_id, "0aff");
  EXPECT_EQ(file.failure, "half of it");
}

} // namespace
} // namespace pprofd::symbolizer
