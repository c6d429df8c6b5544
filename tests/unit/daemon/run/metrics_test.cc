#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/histogram.h>

#include "daemon/run/metrics.h"

namespace pprofd {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, TellWhatBecameOfEverySample) {
  ServiceFigures figures;
  figures.version = "1.2";
  figures.totals.samples.stack_ends[PPROFD_STACK_COMPLETE] = 90;
  figures.totals.samples.stack_ends[PPROFD_STACK_NO_ROW] = 10;
  figures.totals.samples.drops_for(DropReason::kRingFull) = 5;
  figures.totals.unattributed_drops = 2;
  figures.samples_stored = 93;
  figures.samples_failed = 7;
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr(R"(pprofd_samples_total{result="written",reason=""} 93)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_samples_total{result="dropped",reason="ring_full"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_samples_total{result="dropped",reason="unattributed"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_samples_total{result="dropped",reason="write_failed"} 7)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_stacks_total{complete="true",reason=""} 90)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_stacks_total{complete="false",reason="no_row"} 10)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_build_info{version="1.2"} 1)"));
}

TEST(Metrics, TellTriggeredProfilesApart) {
  ServiceFigures figures;
  figures.profiles.written = 10;
  figures.profiles.triggered = 3;
  figures.triggers_suppressed = 5;
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr(R"(pprofd_profiles_total{type="cpu"} 10)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_triggered_profiles_total 3)"));
  EXPECT_THAT(text, HasSubstr("pprofd_triggers_suppressed_total 5"));
}

TEST(Metrics, TellWhichFramesHaveNames) {
  ServiceFigures figures;
  figures.frames.all = {100, 10, 8};
  figures.frames.named = {90, 10, 0};
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr(R"(pprofd_frames_total{kind="native",symbolized="true"} 90)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_frames_total{kind="native",symbolized="false"} 10)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_frames_total{kind="kernel",symbolized="true"} 10)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_frames_total{kind="jit",symbolized="false"} 8)"));
}

TEST(Metrics, TellWhatCameFromDebuginfodServersWhereThereAreSome) {
  ServiceFigures figures;
  EXPECT_THAT(metrics_text(figures), Not(HasSubstr("debuginfod")));
  figures.fetches = true;
  figures.debuginfod.found = 3;
  figures.debuginfod.other_build = 1;
  figures.debuginfod.bytes = 4000;
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr(R"(pprofd_debuginfod_files_total{result="found"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_debuginfod_files_total{result="other_build"} 1)"));
  EXPECT_THAT(text, HasSubstr("pprofd_debuginfod_bytes_total 4000"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_cpu_seconds_total{process="fetch"})"));
}

TEST(Metrics, TimesAreHistogramsOfPrometheus) {
  prometheus::Histogram windows{{0.1, 0.3, 30}};
  for (const double seconds : {0.05, 0.1, 0.2, 199.65})
    windows.Observe(seconds);
  ServiceFigures figures;
  figures.window_seconds = windows.Collect();
  const std::string text = metrics_text(figures);
  EXPECT_THAT(text, HasSubstr(R"(pprofd_window_processing_seconds_bucket{le="0.3"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_window_processing_seconds_bucket{le="30"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(pprofd_window_processing_seconds_bucket{le="+Inf"} 4)"));
  EXPECT_THAT(text, HasSubstr("pprofd_window_processing_seconds_count 4"));
  EXPECT_THAT(text, HasSubstr("pprofd_window_processing_seconds_sum 200"));
  EXPECT_THAT(text, HasSubstr("pprofd_symbolization_seconds_count 0"));
}

} // namespace
} // namespace pprofd
