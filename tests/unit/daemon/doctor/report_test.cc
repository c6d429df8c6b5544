#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "daemon/doctor/report.h"
#include "tests/unit/daemon/doctor/fake_host.h"

namespace pprofd {
namespace {

std::vector<Probe> some_probes() {
  return {{.id = "a", .title = "A", .result = "fine"},
          {.id = "b",
           .title = "B",
           .status = ProbeStatus::kFailed,
           .result = "gone \"here\"\n\x01\\",
           .consequence = "no recording",
           .remedy = "put it back"}};
}

TEST(DoctorText, GivesEachProbeALineAndEndsWithTheVerdict) {
  std::vector<Probe> probes = some_probes();
  probes[1].result = "gone";
  EXPECT_EQ(doctor_text(probes, false), "ok    A: fine\n"
                                        "FAIL  B: gone\n"
                                        "      consequence: no recording\n"
                                        "      remedy: put it back\n"
                                        "Recording is not possible: B.\n");
  probes.pop_back();
  EXPECT_EQ(doctor_text(probes, false), "ok    A: fine\nRecording is possible.\n");
  EXPECT_THAT(doctor_text(probes, true), testing::HasSubstr("\x1b["));
}

TEST(DoctorJson, IsReadByAnotherParserAsItWasMeant) {
  FakeHost host;
  host.write("doctor.json", doctor_json(some_probes(), "1.2.3"));
  const std::string script =
      "import json,sys; d=json.load(open(sys.argv[1]))\n"
      "assert d['version']=='1.2.3' and d['recording_possible'] is False\n"
      "p=d['probes']; assert len(p)==2 and p[0]['status']=='ok' and p[1]['status']=='failed'\n"
      "assert p[1]['result']=='gone \\\"here\\\"\\n\\x01\\\\\\\\', repr(p[1]['result'])\n"
      "assert p[1]['id']=='b' and p[1]['consequence']=='no recording'\n"
      "assert p[1]['remedy']=='put it back' and p[1]['title']=='B'\n";
  const std::string command =
      "python3 -c \"" + script + "\" " + (host.folder() / "doctor.json").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

} // namespace
} // namespace pprofd
