// rows_tool dump FILE          the file's rows as text
// rows_tool facts FILE…        what was found beside the rows, a line each
#include <fcntl.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_set>

#include "symbolizer/base/fd.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/print_rows.h"
#include "symbolizer/unwind/rows.h"

namespace {

using namespace pprofd;
using namespace pprofd::symbolizer;

Result<UnwindFacts> compile(const char* path, const RowOptions& options, const RowSink& sink,
                            uint16_t& machine) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  auto source = ByteSource::of_file(file.get());
  if (!source)
    return std::unexpected(source.error());
  auto image = ElfImage::open(*source);
  if (!image)
    return std::unexpected(image.error());
  machine = image->machine();
  return compile_rows(*source, *image, options, sink);
}

int complain(const char* path, const Error& error) {
  std::fprintf(stderr, "%s: %s: %s\n", path, error.what.c_str(), error.why.c_str());
  return 1;
}

int dump(const char* path) {
  uint16_t machine = 0;
  std::string text;
  auto facts = compile(
      path, {.beyond_cfi = false},
      [&](std::span<const Row> rows) {
        text.clear();
        print_rows(rows, machine, text);
        std::fwrite(text.data(), 1, text.size(), stdout);
      },
      machine);
  return facts ? 0 : complain(path, facts.error());
}

int print_facts(const char* path) {
  uint16_t machine = 0;
  std::unordered_set<std::string> rules;
  const auto sink = [&](std::span<const Row> rows) {
    for (const Row& row : rows)
      rules.emplace(reinterpret_cast<const char*>(&row.rule), sizeof row.rule);
  };
  auto exact = compile(path, {}, sink, machine);
  if (!exact)
    return complain(path, exact.error());
  const size_t exact_rules = rules.size();
  rules.clear();
  auto tables = compile(path, kTableRows, sink, machine);
  if (!tables)
    return complain(path, tables.error());
  const auto& go = exact->go;
  std::printf("%s\teh=%lu debug=%lu fdes=%lu empty=%lu outside=%lu overlapping=%lu decoded=%lu "
              "rows=%lu gaps=%lu merged=%lu rules=%zu padded_rows=%lu padded_rules=%zu "
              "unsupported=%lu/%lu/%lu/%lu trampolines=%lu go=%s go_functions=%lu",
              path, exact->eh_frame_bytes, exact->debug_frame_bytes, exact->fdes, exact->empty,
              exact->outside_code, exact->overlapping, exact->rows_decoded, exact->rows,
              exact->gaps, exact->merged_pairs, exact_rules, tables->rows, rules.size(),
              exact->unsupported_cfa, exact->unsupported_fp, exact->unsupported_ra,
              exact->unsupported_sp, exact->signal_trampolines,
              go ? std::to_string(go->functions.size()).c_str() : "no", exact->go_functions);
  for (size_t i = 0; i < kFdeFaults; ++i)
    if (exact->malformed.at(i) != 0)
      std::printf(" malformed.%s=%lu", std::string(name_of(static_cast<FdeFault>(i))).c_str(),
                  exact->malformed.at(i));
  for (const std::string& note : exact->notes)
    std::printf(" [%s]", note.c_str());
  std::printf("\n");
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "dump")
    return dump(argv[2]);
  if (argc >= 3 && std::string_view(argv[1]) == "facts") {
    int status = 0;
    for (int i = 2; i < argc; ++i)
      status |= print_facts(argv[i]);
    return status;
  }
  std::fprintf(stderr, "usage: rows_tool dump FILE | rows_tool facts FILE…\n");
  return 2;
}
