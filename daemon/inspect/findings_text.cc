#include "daemon/inspect/findings_text.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "bpf/unwind_rule.h"

namespace pprofd {
namespace {

using symbolizer::UnwindFacts;

constexpr uint64_t kRowBytes = 4; // in the kernel; rules are beside them

class Paragraphs {
public:
  // A paragraph's first line.
  void head(std::string_view name, std::string_view value) {
    if (!text_.empty())
      text_ += '\n';
    line(name, value);
  }
  void line(std::string_view name, std::string_view value) {
    if (value.empty())
      fmt::format_to(std::back_inserter(text_), "{}\n", name);
    else
      fmt::format_to(std::back_inserter(text_), "{:<16} {}\n", name, value);
  }
  void item(std::string_view name, std::string_view value) {
    line("  " + std::string(name), value);
  }
  void count(std::string_view name, uint64_t value) { item(name, std::to_string(value)); }
  void bytes(std::string_view name, uint64_t value) { item(name, fmt::format("{} bytes", value)); }
  void time(std::chrono::nanoseconds value) {
    item("time", fmt::format("{:.1f} ms", static_cast<double>(value.count()) / 1e6));
  }
  // A line of prose.
  void sentence(std::string_view text) {
    fmt::format_to(std::back_inserter(text_), "  {}\n", text);
  }

  std::string take() && { return std::move(text_); }

private:
  std::string text_;
};

std::string or_none(const std::string& text) {
  return text.empty() ? "none" : text;
}

std::string machine_text(uint16_t machine) {
  switch (machine) {
  case EM_NONE:
    return "unknown";
  case EM_X86_64:
    return "x86-64";
  case EM_AARCH64:
    return "arm64";
  default:
    return fmt::format("{}, in ELF's numbers", machine);
  }
}

void add_file(const Findings& findings, Paragraphs& text) {
  text.line("file", findings.file);
  text.line("size", fmt::format("{} bytes", findings.size));
  text.line("build id", or_none(findings.symbols.build_id));
  if (!findings.rows.failure.empty())
    return;
  text.line("machine", machine_text(findings.rows.machine));
  const auto& code = findings.rows.unwind.text;
  text.line("code", code.start.value < code.end.value
                        ? fmt::format("{:#x}-{:#x}", code.start.value, code.end.value)
                        : "none");
}

void add_symbols(const Findings& findings, Paragraphs& text) {
  uint64_t total = 0;
  for (const symbolizer::SymbolSource& source : findings.symbols.sources)
    total += source.symbols;
  text.head("symbols", std::to_string(total));
  for (const symbolizer::SymbolSource& source : findings.symbols.sources)
    text.count(source.name, source.symbols);
  text.bytes("memory", findings.symbols.memory);
  text.time(findings.symbols_time);
}

// "no debug information"
std::string words_of(symbolizer::NamesFault fault) {
  std::string words(name_of(fault));
  std::ranges::replace(words, '_', ' ');
  return words;
}

void add_lines(const Findings& findings, Paragraphs& text) {
  const LineFindings& lines = findings.lines;
  const std::string place = lines.file.empty() ? "the file itself" : lines.file;
  const bool found = lines.fault == symbolizer::NamesFault::kNone;
  text.head("lines", found ? "by " + place : "missing: " + words_of(lines.fault));
  text.time(findings.lines_time);
}

void add_rows(const Findings& findings, Paragraphs& text) {
  const symbolizer::UnwindTableFacts& rows = findings.rows;
  if (!rows.failure.empty()) {
    text.head("unwind rows", "none: " + rows.failure);
    return;
  }
  const UnwindFacts& facts = rows.unwind;
  text.head("unwind rows", facts.has_unwind_information()
                               ? std::to_string(rows.rows)
                               : fmt::format("{}; stacks are walked by frame pointers", rows.rows));
  text.bytes(".eh_frame", facts.eh_frame_bytes);
  text.bytes(".debug_frame", facts.debug_frame_bytes);
  text.count("FDEs", facts.fdes);
  if (facts.go)
    text.count("Go functions", facts.go_functions);
  text.count("trampolines", facts.signal_trampolines);
  text.count("rows decoded", facts.rows_decoded);
  text.count("merged pairs", facts.merged_pairs);
  text.count("gaps", facts.gaps);
  text.count("rules", rows.rules);
  text.item("memory", fmt::format("{} bytes in the kernel and {} of rules, which files share",
                                  rows.rows * kRowBytes, rows.rules * sizeof(unwind_rule)));
  text.time(findings.rows_time);
}

std::vector<std::string> unused_of(const UnwindFacts& facts) {
  std::vector<std::string> result;
  const auto add = [&](std::string_view what, uint64_t count) {
    if (count != 0)
      result.push_back(fmt::format("{}: {}", what, count));
  };
  for (size_t i = 0; i < symbolizer::kFdeFaults; ++i)
    add(fmt::format("malformed FDEs, {}", name_of(static_cast<symbolizer::FdeFault>(i))),
        facts.malformed.at(i));
  add("FDEs of no code", facts.empty);
  add("FDEs of code that is not in the file", facts.outside_code);
  add("FDEs hidden or cut by others", facts.overlapping);
  add("rows whose CFA is an expression of an unknown shape", facts.unsupported_cfa);
  add("rows whose frame pointer is an expression of an unknown shape", facts.unsupported_fp);
  add("rows whose return address is an expression of an unknown shape", facts.unsupported_ra);
  add("rows whose caller's stack pointer is not the CFA", facts.unsupported_sp);
  return result;
}

void add_unused(const Findings& findings, Paragraphs& text) {
  std::vector<std::string> lines = unused_of(findings.rows.unwind);
  lines.insert(lines.end(), findings.symbols.notes.begin(), findings.symbols.notes.end());
  lines.insert(lines.end(), findings.rows.unwind.notes.begin(), findings.rows.unwind.notes.end());
  const bool said = std::ranges::find(lines, findings.lines.failure) != lines.end();
  if (findings.lines.fault == symbolizer::NamesFault::kDamaged && !said)
    lines.push_back(findings.lines.failure);
  if (lines.empty())
    return;
  text.head("not used", "");
  for (const std::string& line : lines)
    text.sentence(line);
}

} // namespace

std::string findings_text(const Findings& findings) {
  Paragraphs text;
  add_file(findings, text);
  add_symbols(findings, text);
  add_lines(findings, text);
  add_rows(findings, text);
  add_unused(findings, text);
  return std::move(text).take();
}

} // namespace pprofd
