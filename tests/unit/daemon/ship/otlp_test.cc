#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <map>

#include "daemon/ship/backends/backend.h"
#include "proto/otlp.pb.h"
#include "tests/unit/daemon/ship/window.h"

namespace pprofd::ship {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

otlp::ExportProfilesServiceRequest exported(const std::vector<serve::WindowProfile>& profiles) {
  serve::ShipTarget target;
  target.set_url("http://h:1");
  const auto parcels = encode_otlp(target, profiles);
  EXPECT_TRUE(parcels && parcels->size() == 1);
  EXPECT_EQ(parcels->front().url, "http://h:1/v1development/profiles");
  otlp::ExportProfilesServiceRequest request;
  EXPECT_TRUE(request.ParseFromString(parcels->front().body));
  return request;
}

std::vector<std::string> names_of(const otlp::ProfilesDictionary& tables,
                                  const otlp::Sample& sample) {
  std::vector<std::string> names;
  for (const int location : tables.stack_table(sample.stack_index()).location_indices())
    for (const auto& line : tables.location_table(location).lines())
      names.push_back(
          tables.string_table(tables.function_table(line.function_index()).name_strindex()));
  return names;
}

std::map<std::string, std::string> attributes_of(const otlp::ProfilesDictionary& tables,
                                                 const auto& of) {
  std::map<std::string, std::string> found;
  for (const int index : of.attribute_indices()) {
    const auto& entry = tables.attribute_table(index);
    found[tables.string_table(entry.key_strindex())] =
        entry.value().has_int_value() ? std::to_string(entry.value().int_value())
                                      : entry.value().string_value();
  }
  return found;
}

TEST(Otlp, HasStacksValuesAndThreads) {
  const auto request = exported({window()});
  const auto& tables = request.dictionary();
  const auto& profile = request.resource_profiles(0).scope_profiles(0).profiles(0);
  ASSERT_EQ(profile.samples_size(), 2);
  for (const auto& sample : profile.samples())
    EXPECT_THAT(names_of(tables, sample), ElementsAre("entry", "work", "main"));
  EXPECT_EQ(profile.samples(0).stack_index(), profile.samples(1).stack_index()) << "stands once";
  EXPECT_THAT(profile.samples(0).values(), ElementsAre(30'000'000));
  EXPECT_THAT(profile.samples(1).values(), ElementsAre(40'000'000));
  EXPECT_THAT(attributes_of(tables, profile.samples(1)),
              UnorderedElementsAre(Pair("thread.id", "104"), Pair("thread.name", "t4")));
  EXPECT_EQ(tables.string_table(profile.sample_type().type_strindex()), "cpu");
  EXPECT_EQ(tables.string_table(profile.sample_type().unit_strindex()), "nanoseconds");
  EXPECT_EQ(tables.string_table(profile.period_type().type_strindex()), "cpu");
  EXPECT_EQ(profile.period(), 10'000'000);
  EXPECT_EQ(profile.time_unix_nano(), 1'795'317'600'000'000'000U);
  EXPECT_EQ(profile.duration_nano(), 60'000'000'000U);
  EXPECT_EQ(profile.profile_id().size(), 16U);
  EXPECT_THAT(attributes_of(tables, profile), ElementsAre(Pair("process.pid", "77")));
}

TEST(Otlp, EntryZeroOfEachTableIsTheZeroValue) {
  const auto request = exported({window()});
  const auto& tables = request.dictionary();
  EXPECT_EQ(tables.mapping_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.location_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.function_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.link_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.string_table(0), "");
  EXPECT_EQ(tables.attribute_table(0).ByteSizeLong(), 0U);
  EXPECT_EQ(tables.stack_table(0).ByteSizeLong(), 0U);
}

TEST(Otlp, LocationsSayWhereTheyRan) {
  const auto request = exported({window()});
  const auto& tables = request.dictionary();
  const auto& sample = request.resource_profiles(0).scope_profiles(0).profiles(0).samples(0);
  const auto& stack = tables.stack_table(sample.stack_index());
  const auto& kernel = tables.location_table(stack.location_indices(0));
  const auto& user = tables.location_table(stack.location_indices(1));
  EXPECT_EQ(attributes_of(tables, kernel).at("profile.frame.type"), "kernel");
  EXPECT_EQ(attributes_of(tables, user).at("profile.frame.type"), "native");
  EXPECT_EQ(user.address(), 0x1100U);
  EXPECT_EQ(user.lines(0).line(), 7);
  const auto& mapping = tables.mapping_table(user.mapping_index());
  EXPECT_EQ(tables.string_table(mapping.filename_strindex()), "/app");
  EXPECT_EQ(attributes_of(tables, mapping).at("process.executable.build_id.gnu"), "abcd");
}

TEST(Otlp, AResourceHasWhatBelongsTogether) {
  auto other = window();
  (*other.mutable_labels())["container.id"] = "0123";
  (*other.mutable_labels())["version"] = "7";
  const auto request = exported({window(), other, window()});
  ASSERT_EQ(request.resource_profiles_size(), 2);
  EXPECT_EQ(request.resource_profiles(0).scope_profiles(0).profiles_size(), 2);
  std::map<std::string, std::string> attributes;
  for (const auto& each : request.resource_profiles(1).resource().attributes())
    attributes[each.key()] = each.value().string_value();
  EXPECT_THAT(attributes,
              UnorderedElementsAre(Pair("service.name", "check out"), Pair("host.name", "node/1"),
                                   Pair("deployment.environment.name", "a=b, c"),
                                   Pair("container.id", "0123"), Pair("service.version", "7")));
}

TEST(Otlp, TheDictionaryIsSharedByTheBatch) {
  const auto one = exported({window()});
  const auto two = exported({window(), window()});
  EXPECT_EQ(two.dictionary().SerializeAsString(), one.dictionary().SerializeAsString());
}

TEST(Otlp, MayBeCompressed) {
  serve::ShipTarget target;
  target.set_compress(true);
  const auto profile = large_window(1'000);
  const auto parcel = encode_otlp(target, {&profile, 1})->front();
  EXPECT_THAT(parcel.headers, testing::Contains("Content-Encoding: gzip"));
  std::string inflated(parcel.cost + 1, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(parcel.body.data()));
  stream.avail_in = uInt(parcel.body.size());
  stream.next_out = reinterpret_cast<Bytef*>(inflated.data());
  stream.avail_out = uInt(inflated.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflated.resize(stream.total_out);
  inflateEnd(&stream);
  otlp::ExportProfilesServiceRequest request;
  EXPECT_TRUE(request.ParseFromString(inflated));
  EXPECT_EQ(request.resource_profiles(0).scope_profiles(0).profiles(0).samples_size(), 1'000);
}

} // namespace
} // namespace pprofd::ship
