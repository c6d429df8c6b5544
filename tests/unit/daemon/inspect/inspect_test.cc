// With the real worker; what is printed of real files is checked against binutils in tests/e2e.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/inspect/inspect.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd {
namespace {

using symbolizer::WorkerClient;
using symbolizer::WorkerOptions;
using test::Scratch;
using testing::HasSubstr;
using testing::StartsWith;

WorkerOptions options_with(const std::string& program) {
  WorkerOptions options = inspection_worker();
  options.program = program;
  return options;
}

class Inspect : public testing::Test {
protected:
  // A library with one function and no symbol else.
  [[nodiscard]] std::string library() const {
    test::run("gcc -O1 -nostdlib -shared -x c -o " + scratch_.path("lib") +
              " - <<'E'\nint only(int x) { return x + x; }\nE");
    return scratch_.path("lib");
  }

  Result<void> inspect_with(const InspectOptions& options) {
    return inspect(options, worker_, [this](std::string_view text) -> Result<void> {
      if (full_)
        return fail("write", "full");
      written_ += text;
      return {};
    });
  }

  Scratch scratch_;
  WorkerClient worker_{options_with(PPROFD_TEST_WORKER)};
  std::string written_;
  bool full_ = false;
};

TEST_F(Inspect, PrintsTheReport) {
  ASSERT_TRUE(inspect_with({.file = library()}));
  EXPECT_THAT(written_, StartsWith("file             " + scratch_.path("lib") + "\n"));
  EXPECT_THAT(written_, HasSubstr("\nsymbols          1\n  .symtab        1\n"));
  EXPECT_THAT(written_, HasSubstr("\nunwind rows      "));
  EXPECT_THAT(written_, HasSubstr("\n  FDEs           1\n"));
}

TEST_F(Inspect, PrintsRowsAndThenSymbols) {
  ASSERT_TRUE(inspect_with({.file = library(), .rows = true, .symbols = true}));
  EXPECT_THAT(written_, testing::MatchesRegex("[0-9a-f]+ rsp\\+8 u c-8\n[0-9a-f]+ none\n\n"
                                              "[0-9a-f]+ [0-9a-f]+ \\.symtab only\n"));
}

TEST_F(Inspect, GapsOfPaddingAreShown) {
  test::run("gcc -nostdlib -shared -x assembler -o " + scratch_.path("two") +
            " - <<'E'\n.cfi_startproc\nret\n.cfi_endproc\nnop\n.cfi_startproc\nret\n"
            ".cfi_endproc\nE");
  ASSERT_TRUE(inspect_with({.file = scratch_.path("two"), .rows = true}));
  EXPECT_EQ(test::lines_of(written_).size(), 4U) << written_;
}

TEST_F(Inspect, SaysWhyAFileIsOfNoUse) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {scratch_.path("absent"), "No such file or directory"},
      {scratch_.path(""), "not a regular file"},
      {"/dev/zero", "not a regular file"},
      {scratch_.write("script", "#!/bin/sh\n"), "not an ELF file"},
  };
  for (const auto& [file, why] : files)
    for (const bool lines : {false, true}) {
      const auto done = inspect_with({.file = file, .rows = lines, .symbols = lines});
      ASSERT_FALSE(done) << file;
      EXPECT_EQ(done.error().what, "inspect " + file);
      EXPECT_THAT(done.error().why, HasSubstr(why));
    }
  EXPECT_EQ(written_, "");
}

TEST_F(Inspect, AFullDiskIsTheReasonNotTheWorkerThatWasEnded) {
  full_ = true;
  for (const InspectOptions& options :
       {InspectOptions{.file = library()}, InspectOptions{.file = library(), .rows = true},
        InspectOptions{.file = "/proc/self/exe", .symbols = true}}) {
    WorkerClient worker(options_with(PPROFD_TEST_WORKER));
    const auto done = inspect(options, worker,
                              [](std::string_view) { return Result<void>(fail("write", "full")); });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().why, "full");
  }
}

TEST_F(Inspect, AWorkerThatCantBeStartedIsSaid) {
  WorkerClient worker(options_with("/nonexistent"));
  const auto done =
      inspect({.file = library()}, worker, [](std::string_view) { return Result<void>(); });
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().why, HasSubstr("No such file or directory"));
}

} // namespace
} // namespace pprofd
