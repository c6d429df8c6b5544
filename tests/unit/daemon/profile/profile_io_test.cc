#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "daemon/profile/profile_builder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

namespace proto = perftools::profiles;
using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;

proto::Profile some_profile(int64_t samples = 3) {
  StackProfile p;
  p.stack({{"inlined", "leaf"}, {"main"}}, samples, {{"tid", "", 7, "tid"}});
  p.builder.add_comment("host", "h");
  return p.finish();
}

std::string message_of(const proto::Profile& profile) {
  return profile.SerializeAsString();
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string why(const Result<proto::Profile>& result) {
  return result ? "" : result.error().what + ": " + result.error().why;
}

TEST(ProfileIo, WhatIsWrittenIsReadBack) {
  proto::Profile profile = some_profile();
  auto bytes = serialize_gzip(profile);
  ASSERT_TRUE(bytes);
  auto read = parse_profile(*bytes);
  ASSERT_TRUE(read) << why(read);
  EXPECT_TRUE(MessageDifferencer::Equals(profile, *read));
}

TEST(ProfileIo, TheSameProfileGivesTheSameBytes) {
  EXPECT_EQ(*serialize_gzip(some_profile()), *serialize_gzip(some_profile()));
}

TEST(ProfileIo, ARawMessageIsReadToo) {
  auto read = parse_profile(message_of(some_profile()));
  ASSERT_TRUE(read) << why(read);
  EXPECT_TRUE(MessageDifferencer::Equals(some_profile(), *read));
}

TEST(ProfileIo, AMessageInSeveralGzipMembersIsOneProfile) {
  std::string message = message_of(some_profile());
  auto read = parse_profile(gzip(message.substr(0, 20)) + gzip(message.substr(20)));
  ASSERT_TRUE(read) << why(read);
  EXPECT_TRUE(MessageDifferencer::Equals(some_profile(), *read));
}

TEST(ProfileIo, NothingIsNoProfile) {
  EXPECT_THAT(why(parse_profile("")), HasSubstr("it is empty"));
  EXPECT_THAT(why(parse_profile(gzip(""))), HasSubstr("it is empty"));
}

TEST(ProfileIo, TextIsNoProfile) {
  EXPECT_THAT(why(parse_profile("hello, world\n")), HasSubstr("not a pprof profile"));
  EXPECT_THAT(why(parse_profile(gzip("hello, world\n"))), HasSubstr("not a pprof profile"));
}

TEST(ProfileIo, CutOffCompressedDataIsRefusedWhereverItIsCut) {
  std::string bytes = *serialize_gzip(some_profile());
  for (size_t length = 2; length < bytes.size(); length++)
    EXPECT_THAT(why(parse_profile(bytes.substr(0, length))), HasSubstr("cut off")) << length;
}

TEST(ProfileIo, DamagedCompressedDataIsRefused) {
  std::string bytes = *serialize_gzip(some_profile());
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1); // of the checksum
  EXPECT_THAT(why(parse_profile(bytes)), HasSubstr("damaged"));
}

TEST(ProfileIo, BytesBehindTheCompressedDataAreRefused) {
  std::string bytes = *serialize_gzip(some_profile());
  EXPECT_THAT(why(parse_profile(bytes + "junk")), HasSubstr("bytes that are not gzip follow"));
  EXPECT_THAT(why(parse_profile(bytes + std::string(512, '\0'))),
              HasSubstr("bytes that are not gzip follow"));
}

TEST(ProfileIo, TwoProfilesInOneFileAreRefused) {
  std::string a = message_of(some_profile(1));
  std::string b = message_of(some_profile(2));
  for (const std::string& both : {a + b, gzip(a + b), gzip(a) + gzip(b)})
    EXPECT_THAT(why(parse_profile(both)), HasSubstr("several profiles in one file"));
}

TEST(ProfileIo, TwoProfilesWithoutTimesAreRefusedByTheirIds) {
  proto::Profile profile = some_profile();
  for (const char* field :
       {"time_nanos", "duration_nanos", "period", "period_type", "default_sample_type", "doc_url"})
    proto::Profile::GetReflection()->ClearField(
        &profile, proto::Profile::GetDescriptor()->FindFieldByName(field));
  std::string message = message_of(profile);
  ASSERT_TRUE(parse_profile(message));
  EXPECT_FALSE(parse_profile(message + message));
}

TEST(ProfileIo, AGzipBombIsRefusedWithoutBeingInflated) {
  std::string bomb = gzip(std::string(size_t{64} << 20, '\0'));
  ASSERT_LT(bomb.size(), size_t{1} << 20);
  ParseLimits limits;
  limits.inflated_bytes = size_t{1} << 20;
  EXPECT_THAT(why(parse_profile(bomb, limits)), HasSubstr("inflates to more than 1 MB"));
}

TEST(ProfileIo, AMessageThatWouldTakeTooMuchMemoryIsRefusedBeforeItIsParsed) {
  std::string message;
  for (int i = 0; i < 1 << 20; i++)
    message += std::string("\x12\x00", 2); // an empty sample: two bytes
  ParseLimits limits;
  limits.memory_bytes = size_t{16} << 20;
  EXPECT_THAT(why(parse_profile(message, limits)), HasSubstr("more than 16 MB of memory"));
}

TEST(ProfileIo, TheEstimateOfMemoryCoversWhatProtobufTakes) {
  std::string message;
  for (int i = 0; i < 1000; i++)
    message += std::string("\x12\x04\x1a\x00\x1a\x00", 6) + std::string("\x22\x02\x22\x00", 4);
  proto::Profile profile;
  ASSERT_TRUE(profile.ParseFromString(message));
  ParseLimits limits;
  limits.memory_bytes = profile.SpaceUsedLong() - 1;
  EXPECT_THAT(why(parse_profile(message, limits)), HasSubstr("of memory"));
}

TEST(ProfileIo, StacksThatUnfoldWithoutEndAreRefused) {
  proto::Profile profile = some_profile();
  for (int i = 0; i < 1000; i++) {
    *profile.mutable_location(0)->add_line() = profile.location(0).line(0);
    profile.mutable_sample(0)->add_location_id(1);
  }
  ParseLimits limits;
  limits.frames = 1'000'000;
  EXPECT_THAT(why(parse_profile(message_of(profile), limits)),
              HasSubstr("its stacks have more than 1000000 frames"));
  limits.frames = 2'000'000;
  EXPECT_TRUE(parse_profile(message_of(profile), limits));
}

TEST(ProfileIo, AFieldOfTheWrongTypeIsRefused) {
  // Field 2 (samples) as a number, field 9 (time) as bytes, a group.
  EXPECT_THAT(why(parse_profile(std::string("\x10\x01", 2))), HasSubstr("wrong type"));
  EXPECT_THAT(why(parse_profile(std::string("\x4a\x01x", 3))), HasSubstr("wrong type"));
  EXPECT_THAT(why(parse_profile("\x13\x14")), HasSubstr("broken or cut off"));
}

TEST(ProfileIo, FieldsOfALaterVersionAreIgnored) {
  std::string message = message_of(some_profile()) + "\x82\x06\x03new";
  EXPECT_TRUE(parse_profile(message));
}

TEST(ProfileIo, NamesThatAreNotUtf8AreReadAndRepaired) {
  proto::Profile profile = some_profile();
  std::string message = message_of(profile) + "\x32\x04"
                                              "a\xff\xfez";
  auto read = parse_profile(message);
  ASSERT_TRUE(read) << why(read);
  EXPECT_EQ(read->string_table(read->string_table_size() - 1), "a\uFFFD\uFFFDz");
  profile.add_string_table("a\uFFFD\uFFFDz");
  EXPECT_TRUE(MessageDifferencer::Equals(profile, *read));
}

TEST(ProfileIo, AnInconsistentProfileIsRefusedWithTheReason) {
  proto::Profile profile = some_profile();
  profile.mutable_location(0)->set_mapping_id(9);
  EXPECT_THAT(why(parse_profile(message_of(profile))),
              HasSubstr("location 1 refers to mapping 9, which does not exist"));
}

TEST(ProfileIo, NoChangedByteMakesReadingFailInAnotherWay) {
  std::string message = message_of(some_profile());
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 20'000; i++) {
    std::string changed = message;
    for (auto n = random() % 3 + 1; n > 0; n--)
      changed[random() % changed.size()] = static_cast<char>(random());
    auto read = parse_profile(changed);
    if (!read) {
      refused++;
      EXPECT_FALSE(read.error().why.empty());
    } else {
      EXPECT_TRUE(check_consistent(*read));
    }
  }
  EXPECT_GT(refused, 1000);
}

} // namespace
} // namespace pprofd
