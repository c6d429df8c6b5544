// rows_speed FILE…: how fast the row compiler is, warm page cache, one thread.
// A line a file: file, MB of CFI read, rows, CPU seconds (median of 7), MB/s and rows/s of CPU
// time, distinct rules. CPU time, so that a busy machine does not count.
#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <unordered_set>

#include "symbolizer/base/fd.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/rows.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;

constexpr size_t kRounds = 7;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Result<UnwindFacts> compile(const char* path, const RowSink& sink) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  auto source = ByteSource::of_file(file.get());
  if (!source)
    return std::unexpected(source.error());
  auto image = ElfImage::open(*source);
  if (!image)
    return std::unexpected(image.error());
  return compile_rows(*source, *image, kTableRows, sink);
}

int measure(const char* path) {
  std::array<double, kRounds> seconds{};
  UnwindFacts facts;
  uint64_t taken = 0;
  for (double& round : seconds) {
    const double start = cpu_seconds();
    auto done = compile(path, [&](std::span<const Row> rows) { taken += rows.size(); });
    round = cpu_seconds() - start;
    if (!done) {
      std::fprintf(stderr, "%s: %s\n", path, done.error().why.c_str());
      return 1;
    }
    facts = std::move(*done);
  }
  std::unordered_set<std::string> rules;
  (void)compile(path, [&](std::span<const Row> rows) {
    for (const Row& row : rows)
      rules.emplace(reinterpret_cast<const char*>(&row.rule), sizeof row.rule);
  });
  std::ranges::sort(seconds);
  const double median = seconds[kRounds / 2];
  const double megabytes =
      static_cast<double>(facts.eh_frame_bytes + facts.debug_frame_bytes) / 1e6;
  std::printf("%s\t%.3f\t%lu\t%.5f\t%.1f\t%.2e\t%zu\n", path, megabytes, taken / kRounds, median,
              megabytes / median, static_cast<double>(facts.rows) / median, rules.size());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  std::printf("file\tMB\trows\tCPU s\tMB/s\trows/s\trules\n");
  int status = 0;
  for (int i = 1; i < argc; ++i)
    status |= measure(argv[i]);
  return status;
}
