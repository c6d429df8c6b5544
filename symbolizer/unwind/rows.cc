#include "symbolizer/unwind/rows.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <utility>

#include "symbolizer/unwind/architecture.h"
#include "symbolizer/unwind/cfi/index.h"
#include "symbolizer/unwind/cfi/program.h"
#include "symbolizer/unwind/cfi/records.h"
#include "symbolizer/unwind/cfi/sections.h"
#include "symbolizer/unwind/cfi/spans.h"
#include "symbolizer/unwind/go/rows.h"
#include "symbolizer/unwind/go/stack_growth.h"
#include "symbolizer/unwind/go_facts.h"
#include "symbolizer/unwind/row_stream.h"
#include "symbolizer/unwind/stubs.h"
#include "symbolizer/unwind/trampolines.h"

namespace pprofd::symbolizer {
namespace {

// Whether a file that is linked with others may be the libc that makes coroutines.
bool knows_coroutines(const ByteSource& source, const ElfImage& image) {
  constexpr uint64_t kMaxNamesSize = 4ULL << 20;
  constexpr std::string_view kName{"\0makecontext", 12};
  const ElfSection* names = image.find_section(".dynstr");
  if (names == nullptr)
    return false;
  const auto bytes = source.read_copy(names->offset, names->size, kMaxNamesSize);
  return bytes && ::memmem(bytes->data(), bytes->size(), kName.data(), kName.size()) != nullptr;
}

class Compiler {
public:
  Compiler(const ByteSource& source, const ElfImage& image, const Architecture& architecture,
           const RowOptions& options, const RowSink& sink)
      : source_(source), image_(image), architecture_(&architecture),
        sections_(cfi::find_cfi_sections(source, image)), reader_(source, image, architecture),
        program_(architecture), go_(find_go_facts(source, image)),
        find_everywhere_(!sections_.has_dependencies || go_ ||
                         (options.beyond_cfi && knows_coroutines(source, image))),
        options_(options), trampolines_(source, image, find_everywhere_ ? kMaxOwnCode : kMaxGaps),
        cleaner_(architecture, options, sink, facts_), overlay_(cleaner_) {}

  UnwindFacts run() {
    describe_file();
    if (find_everywhere_)
      look_for_known_code(facts_.text.start.value, facts_.text.end.value);
    index_.build(source_, image_, sections_, reader_, facts_);
    cfi::FdeSpans spans(index_, reader_, facts_);
    if (options_.beyond_cfi)
      stubs_ = find_stubs(source_, image_, *architecture_);
    open_go_functions();
    covered_ = facts_.text.start.value;
    while (const auto span = spans.next()) {
      if (span->start >= go_text_.start.value)
        add_go_functions();
      if (go_text_.contains({span->start}))
        continue;
      if (span->start > covered_)
        uncovered(covered_, span->start);
      take(*span);
      covered_ = std::max(covered_, span->end);
    }
    add_go_functions();
    uncovered(covered_, std::max(covered_, facts_.text.end.value));
    overlay_.finish();
    cleaner_.finish();
    return std::move(facts_);
  }

private:
  // A gap smaller than this is padding between functions.
  static constexpr uint64_t kPadding = 15;
  // Of a program's first instructions, up to where it calls or jumps for good.
  static constexpr uint64_t kMaxEntry = 256;
  // Bytes of code that are looked through for trampolines.
  static constexpr uint64_t kMaxOwnCode = 256ULL << 20;
  static constexpr uint64_t kMaxGaps = 4ULL << 20;
  static constexpr uint64_t kMaxGap = 64ULL << 10;

  void describe_file() {
    facts_.notes = std::move(sections_.notes);
    for (const cfi::CfiSection& section : sections_.sections)
      (section.debug ? facts_.debug_frame_bytes : facts_.eh_frame_bytes) += section.size;
    if (!image_.code().empty())
      facts_.text = {.start = image_.code().front().start, .end = image_.code().back().end};
    facts_.go = go_;
  }

  // Signal trampolines belong to whoever calls sigaction without a libc: a libc itself, a static or
  // a Go program. In other files only islands without FDEs are looked at, as assembly leaves them.
  void look_for_known_code(uint64_t start, uint64_t end) {
    const std::array wanted = {architecture_->trampoline, architecture_->context_start};
    for (const auto& [address, which] : trampolines_.find(
             std::span(wanted).first(options_.beyond_cfi ? wanted.size() : 1), start, end)) {
      const bool signal = which == 0;
      facts_.signal_trampolines += signal;
      // A coroutine's first function returns to the first byte of its end, and callers are looked
      // up one byte before where they are returned to.
      if (signal)
        overlay_.add({.start = address, .end = address + wanted[0].size(), .rule = signal_frame()});
      else
        overlay_.add({.start = address - 1,
                      .end = address + architecture_->context_start_size,
                      .rule = outermost()});
    }
  }

  void uncovered(uint64_t start, uint64_t end) {
    if (!find_everywhere_ && end - start > kPadding && end - start <= kMaxGap)
      look_for_known_code(start, end);
    overlay_.gap(start);
    if (options_.beyond_cfi)
      lay_known(start, end);
  }

  // The program's first instructions, and linkage stubs.
  void lay_known(uint64_t start, uint64_t end) {
    std::vector<StubRow> known;
    for (const StubRow& stub : stubs_)
      if (stub.start < end && stub.end > start)
        known.push_back({.start = std::max(start, stub.start),
                         .end = std::min(end, stub.end),
                         .rule = stub.rule});
    const uint64_t entry = image_.entry().value;
    const auto next =
        std::ranges::find_if(known, [&](const StubRow& row) { return row.end > entry; });
    const bool in_stub = next != known.end() && next->start <= entry;
    if (entry != 0 && entry >= start && entry < end && !in_stub) {
      const uint64_t limit = next == known.end() ? end : next->start;
      known.insert(
          next, {.start = entry, .end = std::min(limit, entry + kMaxEntry), .rule = outermost()});
    }
    for (const StubRow& row : known) {
      overlay_.row(row.start, row.rule);
      overlay_.gap(row.end);
    }
  }

  static unwind_rule signal_frame() {
    unwind_rule rule{};
    rule.cfa = UNWIND_CFA_SIGNAL;
    rule.flags = UNWIND_RULE_SIGNAL_FRAME;
    return rule;
  }

  static unwind_rule outermost() {
    unwind_rule rule{};
    rule.cfa = UNWIND_CFA_SP;
    rule.ra = UNWIND_RA_UNDEFINED;
    rule.cfa_offset = 8;
    return rule;
  }

  void open_go_functions() {
    if (!options_.beyond_cfi || !go_ || image_.machine() != EM_X86_64)
      return;
    go_functions_ = go::StackGrowth::open(source_, image_);
    if (go_functions_)
      go_text_ = go_functions_->text();
    else
      facts_.notes.emplace_back("Go's table of functions could not be used");
  }

  // Go's own table knows more of its functions than call frame information: that is left out.
  void add_go_functions() {
    if (!go_functions_)
      return;
    if (go_text_.start.value > covered_)
      uncovered(covered_, go_text_.start.value);
    go::FunctionRows rows(source_, image_);
    go::Function function;
    for (uint32_t i = 0; i < go_functions_->size(); ++i) {
      if (!go_functions_->read(i, function) || function.start < covered_) {
        overlay_.gap(covered_);
        continue;
      }
      if (function.start > covered_)
        overlay_.gap(covered_);
      for (const auto& row : rows.of(function))
        if (row.rule.cfa == UNWIND_CFA_NONE)
          overlay_.gap(row.address);
        else
          overlay_.row(row.address, row.rule);
      covered_ = function.end;
      ++facts_.go_functions;
    }
    go_functions_.reset();
  }

  void take(const cfi::FdeSpan& span) {
    const auto program = reader_.program(*span.section, span.header, span.fde);
    if (!program) {
      drop(span, program.error());
      return;
    }
    const auto done = program_.run(*program->cie, {.start = span.fde.start,
                                                   .end = span.fde.end,
                                                   .instructions = program->instructions,
                                                   .instructions_address = program->address});
    if (!done) {
      drop(span, done.error());
      return;
    }
    const auto rows = program_.rows();
    facts_.rows_decoded += rows.size();
    if (program_.unsupported() != cfi::kNothingUnsupported)
      for (const auto& row : rows)
        count_unsupported(row.unsupported);
    if (span.start == span.fde.start && span.end == span.fde.end) {
      overlay_.rows(rows);
      return;
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool over = i + 1 < rows.size() && rows[i + 1].address <= span.start;
      if (!over && rows[i].address < span.end)
        overlay_.row(std::max(rows[i].address, span.start), rows[i].rule);
    }
  }

  void drop(const cfi::FdeSpan& span, FdeFault fault) {
    ++facts_.malformed[static_cast<size_t>(fault)];
    --facts_.fdes;
    overlay_.gap(span.start);
  }

  void count_unsupported(uint8_t unsupported) {
    facts_.unsupported_cfa += (unsupported & cfi::kUnsupportedCfa) != 0;
    facts_.unsupported_fp += (unsupported & cfi::kUnsupportedFp) != 0;
    facts_.unsupported_ra += (unsupported & cfi::kUnsupportedReturnAddress) != 0;
    facts_.unsupported_sp += (unsupported & cfi::kUnsupportedSp) != 0;
  }

  const ByteSource& source_;
  const ElfImage& image_;
  const Architecture* architecture_;
  UnwindFacts facts_;
  cfi::CfiSections sections_;
  cfi::RecordReader reader_;
  cfi::Program program_;
  cfi::FdeIndex index_;
  std::optional<GoFacts> go_;
  bool find_everywhere_;
  RowOptions options_;
  std::vector<StubRow> stubs_;
  std::optional<go::StackGrowth> go_functions_;
  AddressRange go_text_{.start = {UINT64_MAX}, .end = {0}};
  uint64_t covered_ = 0; // up to here there are rows
  TrampolineFinder trampolines_;
  RowCleaner cleaner_;
  KnownCodeOverlay overlay_;
};

} // namespace

Result<UnwindFacts> compile_rows(const ByteSource& source, const ElfImage& image,
                                 const RowOptions& options, const RowSink& sink) {
  const Architecture* architecture = architecture_of(image.machine());
  if (architecture == nullptr)
    return fail("read unwind information",
                "machine " + std::to_string(image.machine()) + " is neither x86-64 nor arm64");
  if (image.type() == ET_REL)
    return fail("read unwind information", "a relocatable file has no addresses yet");
  return Compiler(source, image, *architecture, options, sink).run();
}

} // namespace pprofd::symbolizer
