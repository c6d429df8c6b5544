#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "daemon/cli/record_options.h"
#include "daemon/sampling/event.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using symbolizer::DemangleStyle;
using Words = std::vector<std::string>;

std::string joined(const Words& words) {
  std::string line;
  for (const std::string& word : words)
    line += word + " ";
  return line;
}

// What the words mean; fails the test where they are refused.
RecordOptions accepted(const Words& words) {
  auto options = parse_record_options(words);
  if (!options) {
    ADD_FAILURE() << joined(words) << ": " << options.error().what << ": " << options.error().why;
    return {};
  }
  return *options;
}

class RecordOptionsTest : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/record_options.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST(RecordOptions, TakesDebuginfodServers) {
  EXPECT_TRUE(accepted({}).debuginfod.servers.empty());
  EXPECT_EQ(accepted({}).debuginfod.patience, 30s);
  const RecordOptions options =
      accepted({"--debuginfod", "http://a/,https://b https://c", "--debuginfod-wait", "500ms"});
  EXPECT_EQ(options.debuginfod.servers.size(), 3U);
  EXPECT_FALSE(parse_record_options({"--debuginfod", "a"}));
}

TEST(RecordOptions, RecordsEverythingByDefaultAt99Hz) {
  const RecordOptions options = accepted({});
  const RecordOptions defaults;
  EXPECT_TRUE(options.target.all);
  EXPECT_FALSE(options.target.children);
  EXPECT_EQ(options.frequency, defaults.frequency);
  EXPECT_EQ(options.frequency, 99U);
  EXPECT_EQ(options.duration, std::nullopt);
  EXPECT_EQ(options.event, defaults.event);
  EXPECT_EQ(options.output, "");
  EXPECT_EQ(options.formats, defaults.formats);
  EXPECT_EQ(options.demangle, DemangleStyle::kFull);
  EXPECT_EQ(options.top, defaults.top);
  EXPECT_TRUE(options.kernel);
  EXPECT_TRUE(options.user);
  EXPECT_FALSE(options.merge);
  EXPECT_FALSE(options.raw);
}

TEST(RecordOptions, ReadsEveryTarget) {
  EXPECT_EQ(accepted({"-p", "1,22", "--pid=333", "-p22"}).target.pids,
            (std::vector<pid_t>{1, 22, 333}));
  EXPECT_EQ(accepted({"-p", "4194304"}).target.pids, std::vector<pid_t>{4194304});
  EXPECT_TRUE(accepted({"-a"}).target.all);
  EXPECT_TRUE(accepted({"--all"}).target.all);
  EXPECT_EQ(accepted({"--comm", "a b", "--comm=nginx"}).target.comms, (Words{"a b", "nginx"}));
  EXPECT_EQ(accepted({"--comm", "longer-than-the-kernel-keeps"}).target.comms,
            Words{"longer-than-the-kernel-keeps"});
  EXPECT_EQ(accepted({"--exe", "/bin/sh", "--exe=./sh"}).target.exes, (Words{"/bin/sh", "./sh"}));
  EXPECT_EQ(accepted({"--cgroup", "/system.slice"}).target.cgroups, Words{"/system.slice"});
  EXPECT_EQ(accepted({"--unit", "nginx", "--unit", "a.slice"}).target.units,
            (Words{"nginx", "a.slice"}));
  EXPECT_EQ(accepted({"--container", "4f0a12345678"}).target.containers, Words{"4f0a12345678"});
  EXPECT_TRUE(accepted({"-p", "1", "--children"}).target.children);
  for (const Words& words :
       {Words{"-p", "1"}, Words{"--comm", "a"}, Words{"--unit", "a"}, Words{"--", "true"}})
    EXPECT_FALSE(accepted(words).target.all) << joined(words);
}

TEST(RecordOptions, AddsTargetsUp) {
  const Target target = accepted({"-p", "1", "--comm", "a", "--container", "0123456789ab"}).target;
  EXPECT_EQ(target.pids.size() + target.comms.size() + target.containers.size(), 3U);
}

TEST(RecordOptions, StartsACommandAndFollowsItsChildren) {
  const Target target = accepted({"-d", "3", "--", "ls", "-p", "--all"}).target;
  EXPECT_EQ(target.command, (Words{"ls", "-p", "--all"}));
  EXPECT_TRUE(target.children);
  EXPECT_FALSE(target.as_root);
  EXPECT_TRUE(accepted({"--as-root", "--", "ls"}).target.as_root);
  EXPECT_TRUE(accepted({"--children", "--", "ls"}).target.children);
}

TEST(RecordOptions, ReadsSampling) {
  EXPECT_EQ(accepted({"-F", "1"}).frequency, 1U);
  EXPECT_EQ(accepted({"--frequency=5000"}).frequency, 5000U);
  EXPECT_EQ(accepted({"-d", "10"}).duration, 10s);
  EXPECT_EQ(accepted({"-d", "10s"}).duration, 10s);
  EXPECT_EQ(accepted({"-d1500ms"}).duration, 1500ms);
  EXPECT_EQ(accepted({"--duration=2m"}).duration, 120s);
  EXPECT_EQ(accepted({"-d", "168h"}).duration, 168h);
  EXPECT_FALSE(accepted({"--no-kernel"}).kernel);
  EXPECT_FALSE(accepted({"--no-user"}).user);
  EXPECT_TRUE(accepted({"--kernel", "--no-user"}).kernel);
  for (const SamplingEvent& event : kSamplingEvents)
    EXPECT_EQ(accepted({"-e", std::string(event.name)}).event, event.name);
}

TEST(RecordOptions, ReadsOutput) {
  EXPECT_EQ(accepted({"-o", "x.pb.gz"}).output, "x.pb.gz");
  EXPECT_TRUE(accepted({"--merge"}).merge);
  EXPECT_EQ(accepted({"--format", "text", "--format=pprof", "--format", "text"}).formats,
            (std::vector{Format::Text, Format::Pprof}));
  EXPECT_EQ(accepted({"--format", "folded", "-o", "-"}).formats, std::vector{Format::Folded});
  EXPECT_EQ(accepted({"--demangle", "full"}).demangle, DemangleStyle::kFull);
  EXPECT_EQ(accepted({"--demangle", "templates"}).demangle, DemangleStyle::kTemplates);
  EXPECT_EQ(accepted({"--demangle", "simple"}).demangle, DemangleStyle::kSimple);
  EXPECT_EQ(accepted({"--demangle", "none"}).demangle, DemangleStyle::kNone);
  EXPECT_EQ(accepted({"--top", "0"}).top, 0U);
  EXPECT_TRUE(accepted({"--raw"}).raw);
  EXPECT_TRUE(accepted({"--raw", "--format", "pprof"}).raw);
}

TEST(RecordOptions, RefusesWrongValuesAndNamesTheLimit) {
  struct Case {
    Words words;
    std::string what;
    std::string why;
  };
  const std::vector<Case> cases = {
      {{"-F", "0"}, "--frequency '0'", "too low, must be 1 to 5000 Hz"},
      {{"-F", "-1"}, "--frequency '-1'", "must not be negative"},
      {{"-F", "5001"}, "--frequency '5001'", "too high, must be 1 to 5000 Hz"},
      {{"-F", "1000000000"}, "--frequency '1000000000'", "too high, must be 1 to 5000 Hz"},
      {{"-F", "1e9"}, "--frequency '1e9'", "not a whole number"},
      {{"-F", "99Hz"}, "--frequency '99Hz'", "not a whole number"},
      {{"-F", "99999999999999999999"},
       "--frequency '99999999999999999999'",
       "the number is too large"},
      {{"-d", "0"}, "--duration '0'", "too low, must be 1ms to 7d"},
      {{"-d", "0ms"}, "--duration '0ms'", "too low, must be 1ms to 7d"},
      {{"-d", "-5"}, "--duration '-5'", "must not be negative"},
      {{"-d", "169h"}, "--duration '169h'", "too high, must be 1ms to 7d"},
      {{"-d", "10y"}, "--duration '10y'", "'y' is not a unit of time"},
      {{"-d", "1.5"}, "--duration '1.5'", "not a whole number"},
      {{"-d", "99999999999999999999"},
       "--duration '99999999999999999999'",
       "the number is too large"},
      {{"-p", "0"}, "--pid '0'", "too low, must be 1 to 4194304"},
      {{"-p", "-1"}, "--pid '-1'", "must not be negative"},
      {{"-p", "4194305"}, "--pid '4194305'", "too high, must be 1 to 4194304"},
      {{"-p", "1,,2"}, "--pid", "the value is empty"},
      {{"-p", "nginx"}, "--pid 'nginx'", "not a whole number"},
      {{"--comm", ""}, "--comm", "the value is empty"},
      {{"--container", "web"}, "--container web", "not a container's id"},
      {{"--unit", "a/b"}, "--unit 'a/b'", "not the name of a unit"},
      {{"-e", "page-faults"}, "--event 'page-faults'", "no such value"},
      {{"--format", "svg"}, "--format 'svg'", "no such value"},
      {{"--format", "pprof,text"}, "--format 'pprof,text'", "no such value"},
      {{"--demangle", "fancy"}, "--demangle 'fancy'", "no such value"},
      {{"--top", "-1"}, "--top '-1'", "must not be negative"},
      {{"--top", "100001"}, "--top '100001'", "too high, must be 0 to 100000"},
      {{"-o", ""}, "--output", "the value is empty"},
      {{"-o", "out"}, "--output out", "neither a folder nor a name ending in .pb.gz"},
      {{"-o", "a/.pb.gz"}, "--output a/.pb.gz", "neither a folder nor a name ending in .pb.gz"},
      {{"-o", "a.folded"}, "--output a.folded", "neither a folder nor a name ending in .pb.gz"},
      {{"-d", "1", "-d", "2"}, "--duration", "given more than once"},
      {{"1234"}, "argument '1234'", "not expected here"},
  };
  for (const Case& test : cases) {
    const auto options = parse_record_options(test.words);
    ASSERT_FALSE(options) << joined(test.words);
    EXPECT_EQ(options.error().what, test.what) << joined(test.words);
    EXPECT_EQ(options.error().why, test.why) << joined(test.words);
  }
  EXPECT_EQ(parse_record_options({"--format", "svg"}).error().hint,
            "use pprof, folded, html or text");
}

TEST(RecordOptions, RefusesContradictions) {
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"-a", "-p", "1"}, "--all and --pid"},
      {{"-a", "--comm", "x"}, "--all and --comm"},
      {{"-a", "--exe", "/x"}, "--all and --exe"},
      {{"-a", "--cgroup", "/x"}, "--all and --cgroup"},
      {{"-a", "--unit", "x"}, "--all and --unit"},
      {{"-a", "--container", "x"}, "--all and --container"},
      {{"-p", "1", "--", "ls"}, "--pid and -- COMMAND"},
      {{"--unit", "x", "--", "ls"}, "--unit and -- COMMAND"},
      {{"-a", "--", "ls"}, "--all and -- COMMAND"},
      {{"--"}, "--"},
      {{"--", ""}, "--"},
      {{"--as-root"}, "--as-root"},
      {{"--as-root", "-p", "1"}, "--as-root"},
      {{"--children"}, "--children"},
      {{"--children", "-a"}, "--children"},
      {{"--no-kernel", "--no-user"}, "--no-kernel and --no-user"},
      {{"--kernel", "--no-kernel"}, "--kernel and --no-kernel"},
      {{"--raw", "--format", "text"}, "--raw and --format text"},
      {{"--raw", "--format", "pprof", "--format", "folded"}, "--raw and --format folded"},
      {{"--raw", "--demangle", "full"}, "--raw and --demangle"},
      {{"-o", "-", "--format", "pprof", "--format", "text"}, "write to standard output"},
  };
  for (const auto& [words, what] : cases) {
    const auto options = parse_record_options(words);
    ASSERT_FALSE(options) << joined(words);
    EXPECT_EQ(options.error().what, what) << joined(words);
    EXPECT_FALSE(options.error().why.empty()) << joined(words);
    EXPECT_FALSE(options.error().hint.empty()) << joined(words);
  }
}

TEST_F(RecordOptionsTest, PlacesTheOutput) {
  using Kind = OutputTarget::Kind;
  struct Case {
    Words words;
    Kind kind;
    std::string path;
  };
  const std::string folder = folder_.string();
  std::filesystem::create_directory(folder_ / "old.pb.gz");
  const std::vector<Case> cases = {
      {{}, Kind::Folder, "profiles/"},
      {{"-a"}, Kind::Folder, "profiles/"},
      {{"-p", "1"}, Kind::File, "profile"},
      {{"-p", "1", "--children"}, Kind::Folder, "profiles/"},
      {{"-p", "1,2"}, Kind::Folder, "profiles/"},
      {{"-p", "1", "--comm", "x"}, Kind::Folder, "profiles/"},
      {{"--comm", "x"}, Kind::Folder, "profiles/"},
      {{"--", "ls"}, Kind::File, "profile"},
      {{"-a", "--merge"}, Kind::File, "profile"},
      {{"-o", "-"}, Kind::Stdout, ""},
      {{"-o", "a/b.pb.gz"}, Kind::File, "a/b"},
      {{"-o", "b.pb.gz", "--format", "folded"}, Kind::File, "b"},
      {{"-o", "b.folded", "--format", "folded"}, Kind::File, "b"},
      {{"-o", "b.txt", "--format", "text", "--format", "pprof"}, Kind::File, "b"},
      {{"-o", "new/"}, Kind::Folder, "new/"},
      {{"-o", folder}, Kind::Folder, folder},
      {{"-o", folder + "/old.pb.gz"}, Kind::Folder, folder + "/old.pb.gz"},
  };
  for (const Case& test : cases) {
    const auto target = output_target(accepted(test.words));
    ASSERT_TRUE(target) << joined(test.words);
    EXPECT_EQ(target->kind, test.kind) << joined(test.words);
    EXPECT_EQ(target->folder + target->stem, test.path) << joined(test.words);
  }
}

TEST_F(RecordOptionsTest, NamesTheKernelsFrequencyLimit) {
  const std::filesystem::path limit = folder_ / "perf_event_max_sample_rate";
  std::ofstream(limit) << "250\n";
  EXPECT_TRUE(check_kernel_frequency(250, limit));
  const auto refused = check_kernel_frequency(251, limit);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().why, "too high, the kernel's limit is 250 Hz");
  EXPECT_TRUE(check_kernel_frequency(5000, folder_ / "missing"));
}

TEST(OutputFormats, HaveTheNamesAndEndingsOfTheInterface) {
  EXPECT_EQ(format_name(Format::Pprof), "pprof");
  EXPECT_EQ(file_ending(Format::Pprof), ".pb.gz");
  EXPECT_EQ(file_ending(Format::Folded), ".folded");
  EXPECT_EQ(file_ending(Format::Html), ".html");
  EXPECT_EQ(file_ending(Format::Text), ".txt");
}

} // namespace
} // namespace pprofd
