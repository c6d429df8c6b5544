#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "daemon/cli/program.h"
#include "daemon/config/config_file.h"
#include "daemon/config/service_config.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Words = std::vector<std::string>;

class ServiceConfigTest : public testing::Test {
protected:
  Result<ServiceConfig> load(const std::string& text, Words words = {}) {
    write_file(file(), text);
    words.insert(words.end(), {"--config", file()});
    const auto arguments = parse_arguments(program(), command_spec("run"), words);
    if (!arguments)
      return std::unexpected(arguments.error());
    return load_service_config(*arguments);
  }
  [[nodiscard]] std::string file() const { return folder_ / "pprofd.toml"; }

private:
  TemporaryFolder folder_;
};

TEST_F(ServiceConfigTest, AnEmptyFileGivesTheDefaults) {
  const auto config = load("");
  ASSERT_TRUE(config) << config.error().why;
  EXPECT_EQ(config->frequency, 19U);
  EXPECT_EQ(config->window, 60s);
  EXPECT_EQ(config->collect, 60s);
  EXPECT_EQ(config->memory_limit, 200'000'000U);
  EXPECT_DOUBLE_EQ(config->cpu_limit, 0.02);
  EXPECT_EQ(config->store_path, "/var/lib/pprofd/store");
  EXPECT_EQ(config->retention, 168h);
  EXPECT_EQ(config->store_limit, 2'000'000'000U);
  ASSERT_EQ(config->http.listen.size(), 2U);
  EXPECT_EQ(config->http.listen[0].unix_path, "/run/pprofd/pprofd.sock");
  EXPECT_EQ(config->http.listen[1].text(), "127.0.0.1:7171");
  EXPECT_FALSE(config->filters());
}

TEST_F(ServiceConfigTest, DebuginfodServersAreAListAndOffByDefault) {
  const char* const others = "DEBUGINFOD_URLS";
  ASSERT_EQ(::setenv(others, "http://127.0.0.1:1", 1), 0);
  EXPECT_TRUE(load("")->debuginfod.servers.empty());
  ::unsetenv(others);
  EXPECT_THAT(load("debuginfod = ['https://a.example/', 'http://b.example']")->debuginfod.servers,
              ElementsAre("https://a.example", "http://b.example"));
  EXPECT_THAT(load("debuginfod = []", {"--debuginfod", "http://c,http://d"})->debuginfod.servers,
              ElementsAre("http://c", "http://d"));
  ASSERT_EQ(::setenv("PPROFD_DEBUGINFOD", "http://e", 1), 0);
  EXPECT_THAT(load("debuginfod = 'http://a'")->debuginfod.servers, ElementsAre("http://e"));
  ::unsetenv("PPROFD_DEBUGINFOD");
  const auto wrong = load("debuginfod = ['debuginfod.example']");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().what, HasSubstr("pprofd.toml:1"));
  EXPECT_THAT(wrong.error().what, HasSubstr("debuginfod.example"));
}

TEST_F(ServiceConfigTest, ReadsEveryKeyOfATarget) {
  const auto config = load(R"(
[spool]
path = "/spool"
[[ship]]
type = "parca"
name = "central"
url = "https://profiles.example:7070/base/"
labels = { pod = "k8s.pod.uid" }
include = ["comm:a*", "service:b"]
exclude = "unit:c"
tls_ca = "/ca"
tls_cert = "/cert"
tls_key = "/key"
token_file = "/token"
headers = { "X-Scope-OrgID" = "team" }
compression = "none"
spool_size = "5MB"
batch_profiles = 3
batch_size = "2MB"
rate = "1MB"
timeout = "7s"
[[ship]]
type = "file"
path = "/out"
)");
  ASSERT_TRUE(config) << text_of(config.error());
  EXPECT_EQ(config->spool_path, "/spool");
  ASSERT_EQ(config->ship.size(), 2U);
  const ShipConfig& first = config->ship[0];
  EXPECT_EQ(first.type, "parca");
  EXPECT_EQ(first.name, "central");
  EXPECT_EQ(first.url, "https://profiles.example:7070/base");
  EXPECT_EQ(first.labels, (KeyValues{{"pod", "k8s.pod.uid"}}));
  EXPECT_EQ(first.include, (Words{"comm:a*", "service:b"}));
  EXPECT_EQ(first.exclude, (Words{"unit:c"}));
  EXPECT_EQ(first.tls_ca + first.tls_cert + first.tls_key + first.token_file, "/ca/cert/key/token");
  EXPECT_EQ(first.headers, (KeyValues{{"X-Scope-OrgID", "team"}}));
  EXPECT_FALSE(first.compress);
  EXPECT_EQ(first.spool_size, 5'000'000U);
  EXPECT_EQ(first.batch_profiles, 3U);
  EXPECT_EQ(first.batch_size, 2'000'000U);
  EXPECT_EQ(first.rate, 1'000'000U);
  EXPECT_EQ(first.timeout, 7s);
  const ShipConfig& second = config->ship[1];
  EXPECT_EQ(second.name, "file");
  EXPECT_EQ(second.url, "/out");
  EXPECT_TRUE(second.compress);
  EXPECT_EQ(second.spool_size, 100'000'000U);
  EXPECT_EQ(second.batch_profiles, 1U);
  EXPECT_EQ(second.rate, 0U);
}

TEST_F(ServiceConfigTest, ReadsTriggersAndTheirRules) {
  const auto config = load(R"(
[triggers]
range = "off"
interval = "1s"
history = "10m"
frequency = 99
duration = "20s"
every = "1h"
max_per_hour = 3
[store]
triggered_retention = "90d"
triggered_max_size = "50MB"
[[trigger]]
when = "cpu > 80% for 10s"
[[trigger]]
when = "threads > 200"
match = ["comm:a*", "unit:b.service"]
frequency = 999
duration = "2s"
every = "30s"
)");
  ASSERT_TRUE(config) << text_of(config.error());
  const TriggerConfig& triggers = config->triggers;
  EXPECT_FALSE(triggers.ranges);
  EXPECT_EQ(triggers.interval, 1s);
  EXPECT_EQ(triggers.history, 10min);
  EXPECT_EQ(triggers.most_an_hour, 3U);
  EXPECT_EQ(config->triggered_retention, 24h * 90);
  EXPECT_EQ(config->triggered_limit, 50'000'000U);
  ASSERT_EQ(triggers.rules.size(), 2U);
  EXPECT_EQ(triggers.rules[0].when, (TriggerCondition{TriggerMetric::kCpu, 80, 10s}));
  EXPECT_TRUE(triggers.rules[0].match.empty());
  EXPECT_EQ(triggers.rules[0].profile, (TriggeredProfile{99, 20s, 1h}));
  EXPECT_EQ(triggers.rules[1].match, (Words{"comm:a*", "unit:b.service"}));
  EXPECT_EQ(triggers.rules[1].profile, (TriggeredProfile{999, 2s, 30s}));
}

TEST_F(ServiceConfigTest, TriggersHaveDefaults) {
  const auto config = load("[[trigger]]\nwhen = \"threads > 5\"");
  ASSERT_TRUE(config) << text_of(config.error());
  EXPECT_TRUE(config->triggers.ranges);
  EXPECT_EQ(config->triggers.interval, 2s);
  EXPECT_EQ(config->triggers.history, 5min);
  EXPECT_EQ(config->triggers.most_an_hour, 12U);
  EXPECT_EQ(config->triggers.rules[0].profile, (TriggeredProfile{199, 10s, 10min}));
  EXPECT_EQ(config->triggered_retention, 24h * 30);
  EXPECT_EQ(config->triggered_limit, 200'000'000U);
}

TEST_F(ServiceConfigTest, ABucketHasKeysOfItsOwn) {
  const auto config = load(R"(
[[ship]]
type = "s3"
url = "https://s3.example"
bucket = "profiles.eu-1"
region = "eu-central-1"
prefix = "/fleet/a b/"
credentials_file = "/keys"
format = "pprof"
[[ship]]
type = "s3"
name = "usual"
url = "https://s3.example"
bucket = "profiles"
credentials_file = "/keys"
[[ship]]
type = "file"
path = "/out"
format = "rows"
compression = "gzip"
batch_profiles = 7
batch_wait = "5s"
)");
  ASSERT_TRUE(config) << text_of(config.error());
  ASSERT_EQ(config->ship.size(), 3U);
  const ShipConfig& pprof = config->ship[0];
  EXPECT_EQ(pprof.bucket, "profiles.eu-1");
  EXPECT_EQ(pprof.region, "eu-central-1");
  EXPECT_EQ(pprof.prefix, "fleet/a b");
  EXPECT_EQ(pprof.credentials_file, "/keys");
  EXPECT_FALSE(pprof.rows || pprof.zstd);
  EXPECT_TRUE(pprof.compress);
  EXPECT_EQ(pprof.batch_profiles, 1U);
  EXPECT_EQ(pprof.batch_wait, 0s);
  const ShipConfig& usual = config->ship[1];
  EXPECT_EQ(usual.region, "us-east-1");
  EXPECT_EQ(usual.prefix, "");
  EXPECT_TRUE(usual.rows && usual.compress && usual.zstd);
  EXPECT_EQ(usual.batch_profiles, 1'000U);
  EXPECT_EQ(usual.batch_wait, 60s);
  const ShipConfig& file = config->ship[2];
  EXPECT_TRUE(file.rows && file.compress && !file.zstd);
  EXPECT_EQ(file.batch_profiles, 7U);
  EXPECT_EQ(file.batch_wait, 5s);
}

TEST_F(ServiceConfigTest, ReadsEveryKeyOfTheInterface) {
  const auto config = load(R"(
frequency = 99
window = "10s"
collect = 2
include = ["unit:*.service", "comm:a"]
exclude = "comm:nginx*"
[limits]
memory = "512MiB"
cpu = "0.5%"
[store]
path = "/data"
retention = "30d"
max_size = 5000000
[http]
listen = ["unix:/run/x.sock", "127.0.0.1:7171"]
metrics_listen = ["0.0.0.0:7172"]
[labels]
service = "checkout"
version = 3
)");
  ASSERT_TRUE(config) << config.error().what << ": " << config.error().why;
  EXPECT_EQ(config->frequency, 99U);
  EXPECT_EQ(config->window, 10s);
  EXPECT_EQ(config->collect, 2s);
  EXPECT_EQ(config->include, (Words{"unit:*.service", "comm:a"}));
  EXPECT_EQ(config->exclude, Words{"comm:nginx*"});
  EXPECT_EQ(config->memory_limit, 512U << 20);
  EXPECT_DOUBLE_EQ(config->cpu_limit, 0.005);
  EXPECT_EQ(config->store_path, "/data");
  EXPECT_EQ(config->retention, 720h);
  EXPECT_EQ(config->store_limit, 5'000'000U);
  EXPECT_EQ(config->http.listen.size(), 2U);
  EXPECT_EQ(config->http.metrics_listen.size(), 1U);
  EXPECT_EQ(config->labels, (KeyValues{{"service", "checkout"}, {"version", "3"}}));
}

TEST_F(ServiceConfigTest, FlagsWinOverEnvironmentOverFileOverDefaults) {
  setenv("PPROFD_FREQUENCY", "50", 1);
  setenv("PPROFD_EXCLUDE", "comm:a,comm:b", 1);
  const std::string text = "frequency = 30\nwindow = \"5s\"\nexclude = [\"comm:c\"]\n";
  EXPECT_EQ(load(text, {"--frequency", "70"})->frequency, 70U);
  const auto config = load(text);
  unsetenv("PPROFD_FREQUENCY");
  unsetenv("PPROFD_EXCLUDE");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->frequency, 50U);
  EXPECT_EQ(config->exclude, (Words{"comm:a", "comm:b"}));
  EXPECT_EQ(config->window, 5s);
  EXPECT_EQ(load(text)->frequency, 30U);
}

struct Mistake {
  std::string text;
  std::string place; // behind the file's name
  std::string why;
  std::string hint;
};

TEST_F(ServiceConfigTest, NamesPlaceReasonAndRemedyOfEveryMistake) {
  const std::vector<Mistake> mistakes = {
      {"frequncy = 19", ":1:1: frequncy", "unknown key", "did you mean frequency?"},
      {"\n[http]\nlistn = 1", ":3:1: http.listn", "unknown key", "did you mean http.listen?"},
      {"memory = \"1GB\"", ":1:1: memory", "unknown key", "did you mean limits.memory?"},
      {"xyz = 1", ":1:1: xyz", "unknown key", "--help"},
      {"[limit]\nmemory = \"1GB\"", ":1:2: limit", "unknown key", "did you mean limits?"},
      {"frequency = \"19\"", ":1:1: frequency", "a value of the wrong kind", "without quotes"},
      {"frequency = 19.5", ":1:1: frequency", "a value of the wrong kind", "without quotes"},
      {"frequency = 0", ":1:1: frequency = '0'", "too low, must be 1 to 5000 Hz", ""},
      {"frequency = 5001", ":1:1: frequency = '5001'", "too high, must be 1 to 5000 Hz", ""},
      {"frequency = -1", ":1:1: frequency = '-1'", "must not be negative", ""},
      {"frequency = 99 # fine\nwindow = \"1 min\"", ":2:1: window = '1 min'",
       "' min' is not a unit of time", "write 10"},
      {"window = true", ":1:1: window", "a value of the wrong kind", "\"60s\""},
      {"window = \"10ms\"", ":1:1: window = '10ms'", "too low, must be 100ms to 1d", ""},
      {"window = \"10s\"\ncollect = \"20s\"", ":2:1: collect",
       "longer than the window it is a part of", "at most the window's length"},
      {"[limits]\ncpu = 2", ":2:1: limits.cpu", "a value of the wrong kind", "\"2%\""},
      {"[limits]\ncpu = \"2\"", ":2:1: limits.cpu = '2'", "not a per cent", "2%"},
      {"[limits]\nmemory = \"10MB\"", ":2:1: limits.memory = '10MB'", "must be at least 64MB", ""},
      {"[limits]\nmemory = \"1ZB\"", ":2:1: limits.memory = '1ZB'", "'ZB' is not a unit of bytes",
       "200MB"},
      {"limits = 3", ":1:1: limits", "not a table", "[limits]"},
      {"include = [\"nginx\"]", ":1:1: include = 'nginx'", "it has no KEY", "KEY:GLOB"},
      {"exclude = [\"name:nginx\"]", ":1:1: exclude = 'name:nginx'", "its KEY is unknown",
       "comm, exe"},
      {"exclude = [\"comm:\"]", ":1:1: exclude = 'comm:'", "its GLOB is empty", "KEY:GLOB"},
      {"exclude = [\n  \"comm:a\",\n  7,\n]", ":3:3: exclude", "a value of the wrong kind",
       "list of texts"},
      {"labels = \"a=b\"", ":1:1: labels", "not a table", "[labels]"},
      {"[labels]\nenv = [1]", ":2:1: labels.env", "not a text", "env = "},
      {"[labels]\n\"a b\" = \"c\"", ":1:2: labels: label 'a b'", "not a name", "letters"},
      {"[labels]\npid = \"1\"", ":1:2: labels: label 'pid'", "pprofd itself says that of a profile",
       "another name"},
      {"[labels]\na = \"x\\ny\"", ":1:2: labels: label 'a'", "control characters", ""},
      {"[labels]\n\"trigger.value\" = \"1\"", ":1:2: labels: label 'trigger.value'",
       "pprofd itself says that of a profile", "another name"},
      {"[trigger]\nwhen = \"cpu > 8%\"", ":1:", "not a list of tables", "[[trigger]]"},
      {"[[trigger]]\nmatch = [\"comm:a\"]", ":1:1: trigger", "it has no when", "when ="},
      {"[[trigger]]\nwhen = \"cpu > 80\"", ":2:1: trigger.when = 'cpu > 80'", "there is no '%'",
       "cpu > 80% for 10s"},
      {"[[trigger]]\nwhen = \"cpu > 8%\"\nmatch = [\"nginx\"]", ":3:1: trigger.match = 'nginx'",
       "it has no KEY", "comm:nginx*"},
      {"[[trigger]]\nwhen = \"cpu > 8%\"\nfrequency = 9999", ":3:1: trigger.frequency", "5000", ""},
      {"[[trigger]]\nwhen = \"cpu > 8%\"\nevery = \"5s\"", ":3:1: trigger.every",
       "before this one is over", "at least the duration"},
      {"[[trigger]]\nwhen = \"cpu > 8%\"\nfor = \"5s\"", ":3:1: trigger.for", "unknown key", ""},
      {"[triggers]\nevery = \"5s\"", ":2:1: triggers.every", "before this one is over",
       "at least the duration"},
      {"[triggers]\nrange = true", ":2:1: triggers.range", "a value of the wrong kind", ""},
      {"[triggers]\nrange = \"maybe\"", ":2:1: triggers.range = 'maybe'", "", "on or off"},
      {"ship = 3", ":1:", "not a list of tables", "[[ship]]"},
      {"[ship]\ntype = \"file\"", ":1:", "not a list of tables", "[[ship]]"},
      {"[[ship]]\nurl = \"http://h\"", ":1:1: ship", "it has no type", "type ="},
      {"[[ship]]\ntype = \"graphite\"", ":2:1: ship.type = 'graphite'", "", "profefe"},
      {"[[ship]]\ntype = \"profefe\"", ":1:1: ship", "it has no url", "url ="},
      {"[[ship]]\ntype = \"file\"\nurl = \"http://h\"", ":3:1: ship.url", "has none", "path ="},
      {"[[ship]]\ntype = \"file\"\npath = \"out\"", ":3:1: ship.path = 'out'",
       "not an absolute path", "/var/lib"},
      {"[[ship]]\ntype = \"file\"\npath = \"/out\"\ntoken_file = \"/t\"", ":4:1: ship.token_file",
       "has none", "leave it out"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"h:10100\"", ":3:1: ship.url = 'h:10100'",
       "neither http:// nor https://", "https://"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://\"", ":3:1: ship.url", "no host", "https://"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"https://me:pw@h\"", ":3:1: ship.url",
       "it holds credentials", "token_file"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\ntls_ca = \"/ca\"", ":4:1: ship.tls_ca",
       "does not begin with https://", "https://"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"https://h\"\ntls_key = \"/k\"", ":4:1: ship.tls_key",
       "there is no tls_cert", "set both"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\nexclude = [\"nginx\"]",
       ":4:1: ship.exclude = 'nginx'", "it has no KEY", "service:GLOB"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\nheaders = { Authorization = \"x\" }",
       ":4:1: ship.headers: 'Authorization'", "pprofd itself sets", "token_file"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\nbatch_profiles = 7",
       ":4:1: ship.batch_profiles", "one at a time", "leave it out"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\nbatch_wait = \"1s\"",
       ":4:1: ship.batch_wait", "one at a time", "leave it out"},
      {"[[ship]]\ntype = \"file\"\npath = \"/o\"\nbatch_profiles = 2", ":4:1: ship.batch_profiles",
       "format pprof takes one at a time", "leave it out"},
      {"[[ship]]\ntype = \"file\"\npath = \"/o\"\ncompression = \"zstd\"", ":4:1: ship.compression",
       "only rows", "format ="},
      {"[[ship]]\ntype = \"parca\"\nurl = \"http://h\"\nformat = \"rows\"", ":4:1: ship.format",
       "has its own", "leave it out"},
      {"[[ship]]\ntype = \"parca\"\nurl = \"http://h\"\nbucket = \"b\"", ":4:1: ship.bucket",
       "a target of type parca has none", "leave it out"},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\ncredentials_file = \"/k\"", ":1:1: ship",
       "it has no bucket", "bucket ="},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\nbucket = \"a/b\"", ":4:1: ship.bucket = 'a/b'",
       "not a bucket's name", "small letters"},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\nbucket = \"ab\"", ":4:1: ship.bucket = 'ab'",
       "not a bucket's name", "from 3 to 63"},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\nbucket = \"abc\"\nregion = \"eu:1\"",
       ":5:1: ship.region = 'eu:1'", "not a region", "eu-central-1"},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\nbucket = \"abc\"", ":1:1: ship",
       "no credentials_file", "aws_secret_access_key"},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\nbucket = \"abc\"\ntoken_file = \"/t\"",
       ":5:1: ship.token_file", "has none", "credentials_file"},
      {"[[ship]]\ntype = \"s3\"\nurl = \"http://h\"\nheaders = { X-Amz-Date = \"x\" }",
       ":4:1: ship.headers: 'X-Amz-Date'", "pprofd itself sets", ""},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\nspool_size = \"1kB\"",
       ":4:1: ship.spool_size = '1kB'", "must be at least 1MB", ""},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\ntokenfile = \"/t\"",
       ":4:1: ship.tokenfile", "unknown key", "ship.token_file"},
      {"[[ship]]\ntype = \"profefe\"\nurl = \"http://h\"\n[[ship]]\ntype = \"profefe\"\nurl = "
       "\"http://i\"",
       ":4:1: ship: name 'profefe'", "another target has it", "name ="},
      {"[http]\nlisten = [\"0.0.0.0:7171\"]", ":2:1: http.listen = '0.0.0.0'",
       "reachable from other machines", "http.auth_token_file"},
      {"[http]\nlisten = [\"::1:7171\"]", ":2:1: http.listen = '::1:7171'",
       "its host is not an IP address", "[::1]:7171"},
      {"[http]\ntls_cert = \"a\"", ":2:1: http.tls_cert", "no http.tls_key", "set both"},
      {"[http]\ntls_key = \"a\"", ":2:1: http.tls_key", "no http.tls_cert", "set both"},
      {"[http]\ntls_client_ca = \"a\"", ":2:1: http.tls_client_ca", "need TLS", "http.tls_cert"},
      {"a = = 1", ":1:5", "", "TOML"},
      {"frequency = 1\nfrequency = 2", ":2:", "", "TOML"},
      {"[http\n", ":1:", "", "TOML"},
      {"\xff\xfe", ":1:", "", "TOML"},
  };
  for (const Mistake& mistake : mistakes) {
    const auto config = load(mistake.text);
    ASSERT_FALSE(config) << mistake.text;
    EXPECT_THAT(config.error().what, StartsWith(file() + mistake.place)) << mistake.text;
    EXPECT_THAT(config.error().why, HasSubstr(mistake.why)) << mistake.text;
    EXPECT_THAT(config.error().hint, HasSubstr(mistake.hint)) << mistake.text;
    EXPECT_FALSE(config.error().why.empty()) << mistake.text;
  }
}

TEST_F(ServiceConfigTest, MistakesOfFlagsAndEnvironmentNameThose) {
  const auto flag = load("", {"--collect", "2m"});
  ASSERT_FALSE(flag);
  EXPECT_EQ(flag.error().what, "--collect");
  setenv("PPROFD_HTTP_LISTEN", "0.0.0.0:80", 1);
  const auto variable = load("");
  unsetenv("PPROFD_HTTP_LISTEN");
  ASSERT_FALSE(variable);
  EXPECT_THAT(variable.error().what, StartsWith("environment variable PPROFD_HTTP_LISTEN"));
}

TEST_F(ServiceConfigTest, ListensToOthersWhereItKnowsWhoAsks) {
  const std::string listen = "[http]\nlisten = [\"0.0.0.0:7171\"]\n";
  EXPECT_TRUE(load(listen + "auth_token_file = \"/t\""));
  EXPECT_TRUE(load(listen + "auth_basic_file = \"/b\""));
  EXPECT_TRUE(load(listen + "tls_cert = \"c\"\ntls_key = \"k\"\ntls_client_ca = \"a\""));
  EXPECT_FALSE(load(listen + "tls_cert = \"c\"\ntls_key = \"k\""));
}

TEST_F(ServiceConfigTest, AFileThatIsNamedMustBeThere) {
  const auto arguments =
      parse_arguments(program(), command_spec("run"), {"--config", file() + ".missing"});
  const auto config = load_service_config(*arguments);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().what, HasSubstr(".missing"));
}

TEST_F(ServiceConfigTest, ALargeFileIsRefused) {
  const auto config = load(std::string((1 << 20) + 1, '\n'));
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().why, HasSubstr("1 MiB"));
}

TEST_F(ServiceConfigTest, DeepNestingIsAMistakeNotACrash) {
  EXPECT_FALSE(load("a = " + std::string(100'000, '[')));
}

TEST_F(ServiceConfigTest, ExcludeWinsOverInclude) {
  const auto config = load("include = [\"comm:*x\", \"exe:/usr/*\"]\nexclude = [\"pid:7\"]\n");
  ASSERT_TRUE(config);
  const ProcessPredicate target = config->target();
  const auto process = [](pid_t pid, std::string comm, std::string exe) {
    Process made;
    made.pid = pid;
    made.comm = std::move(comm);
    made.exe = std::make_shared<const std::string>(std::move(exe));
    made.cgroups = std::make_shared<const CgroupPaths>();
    return made;
  };
  EXPECT_TRUE(target(process(1, "linux", "")));
  EXPECT_TRUE(target(process(1, "cat", "/usr/bin/cat")));
  EXPECT_FALSE(target(process(1, "cat", "/opt/cat")));
  EXPECT_FALSE(target(process(7, "linux", "/usr/bin/x")));
}

} // namespace
} // namespace pprofd
