// rows_against_libdw FILE…: compares every row of every file with libdw's answer for its addresses.
//
// A line a file, tab separated: file, verdict (same, different, refused), rows compared, and then
// counts of what is listed and is no difference:
//   unsupported.PART  rows whose rule has no form of ours; libdw too must see an expression there
//   trampoline        signal trampolines found by their instructions, where libdw knows nothing
//   libdw.invalid     rows that libdw refuses to make of an FDE (it wants a register before an
//   offset) libdw.terminator  rows of .debug_frame behind a zero length, where libdw stops reading
// readelf is asked about the same files by rows_against_readelf.py and knows the last two.
// Differences are explained on stderr, at most ten a file. Exit status 1 if there was any.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "symbolizer/base/fd.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/unwind/rows.h"
#include "tests/differential/rows/libdw_frames.h"
#include "tests/differential/rows/rule_text.h"

namespace {

using namespace pprofd;
using namespace pprofd::differential;
using namespace pprofd::symbolizer;

constexpr uint64_t kMaxProbes = 100'000; // of one gap
constexpr uint64_t kMaxComplaints = 10;

class Comparison {
public:
  Comparison(const char* path, LibdwFrames& oracle, const Architecture& architecture)
      : path_(path), oracle_(oracle), architecture_(architecture) {}

  // One of our rows, for [start, end).
  void row(uint64_t start, uint64_t end, const unwind_rule& rule) {
    if (rule.cfa == UNWIND_CFA_NONE) {
      gap(start, end);
      return;
    }
    const RuleText ours = text_of(rule, architecture_);
    for (uint64_t at = start; at < end;) {
      const auto theirs = oracle_.at(at);
      ++compared;
      if (!theirs) {
        if (!silence(theirs.error(), ours))
          complain(at, ours, {});
        return;
      }
      compare(at, ours, theirs->rule);
      at = std::max(theirs->end, at + 1);
    }
  }

  // Nothing may hold there. Each instruction's start is not known: every byte is asked for, or as
  // many as is bearable.
  void gap(uint64_t start, uint64_t end) {
    const uint64_t step = std::max<uint64_t>(1, (end - start) / kMaxProbes);
    for (uint64_t at = start; at < end; at += step)
      if (const auto theirs = oracle_.at(at)) {
        complain(at, {}, theirs->rule);
        return;
      }
    ++compared;
  }

  uint64_t compared = 0;
  uint64_t differences = 0;
  std::map<std::string, uint64_t> listed;

private:
  // Whether libdw's having no answer is a listed reason.
  bool silence(OracleSilence why, const RuleText& ours) {
    if (ours.cfa == "signal")
      ++listed["trampoline"];
    else if (why == OracleSilence::kInvalid)
      ++listed["libdw.invalid"];
    else if (why == OracleSilence::kTerminator)
      ++listed["libdw.terminator"];
    else
      return false;
    return true;
  }

  void compare(uint64_t at, const RuleText& ours, const RuleText& theirs) {
    if (ours == theirs && ours.cfa != "other" && ours.fp != "other" && ours.ra != "other")
      return;
    // Trampolines begin a byte early, and may be laid over an FDE that does not know of them.
    if (ours.cfa == "signal") {
      ++listed["trampoline"];
      return;
    }
    bool same = ours.signal == theirs.signal;
    bool unsupported = false;
    const auto part = [&](const std::string& a, const std::string& b, const char* name) {
      const bool expression = b == "other" || b.starts_with("*(") || b.starts_with("plt(");
      if (a == "other" && expression) {
        ++listed[std::string("unsupported.") + name];
        unsupported = true;
      } else {
        same = same && a == b;
      }
    };
    if (ours.cfa == "other" && ours.sp.empty() && !theirs.sp.empty()) {
      ++listed["unsupported.sp"];
      unsupported = true;
    } else if (theirs.cfa == "invalid") {
      ++listed["libdw.invalid"];
      same = same && (ours.sp == theirs.sp);
    } else {
      part(ours.cfa, theirs.cfa, "cfa");
      same = same && (ours.sp == theirs.sp);
    }
    part(ours.fp, theirs.fp, "fp");
    part(ours.ra, theirs.ra, "ra");
    if (!same)
      complain(at, ours, theirs);
  }

  void complain(uint64_t at, const RuleText& ours, const RuleText& theirs) {
    if (++differences > kMaxComplaints)
      return;
    const auto text = [](const RuleText& rule) {
      return rule.cfa.empty()
                 ? std::string("none")
                 : rule.cfa + " " + rule.fp + " " + rule.ra +
                       (rule.sp.empty() ? "" : " sp=" + rule.sp) + (rule.signal ? " signal" : "");
    };
    std::fprintf(stderr, "%s: 0x%lx: ours: %s libdw: %s\n", path_, at, text(ours).c_str(),
                 text(theirs).c_str());
  }

  const char* path_;
  LibdwFrames& oracle_;
  const Architecture& architecture_;
};

// Rows as the unwinder applies them, pairs taken apart.
class Expander {
public:
  explicit Expander(Comparison& comparison) : comparison_(comparison) {}

  void take(std::span<const Row> rows) {
    for (const Row& row : rows) {
      put(row.address.value, row.rule);
      if (row.rule.merge_at == 0)
        continue;
      unwind_rule second = row.rule;
      second.cfa_offset += second.merge_delta;
      put(row.address.value + row.rule.merge_at, second);
    }
  }
  void finish(uint64_t end) {
    if (any_ && end > start_)
      comparison_.row(start_, end, rule_);
  }

private:
  void put(uint64_t address, const unwind_rule& rule) {
    if (any_)
      comparison_.row(start_, address, rule_);
    any_ = true;
    start_ = address;
    rule_ = rule;
  }

  Comparison& comparison_;
  bool any_ = false;
  uint64_t start_ = 0;
  unwind_rule rule_{};
};

int refuse(const char* path, const Error& error) {
  std::printf("%s\trefused\t0\t%s: %s\n", path, error.what.c_str(), error.why.c_str());
  return 0;
}

int compare(const char* path) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  auto source = ByteSource::of_file(file.get());
  if (!source)
    return refuse(path, source.error());
  auto image = ElfImage::open(*source);
  if (!image)
    return refuse(path, image.error());
  const Architecture* architecture = architecture_of(image->machine());
  if (architecture == nullptr)
    return refuse(path, {.what = "machine", .why = std::to_string(image->machine()), .hint = {}});
  auto oracle = LibdwFrames::open(file.get(), *architecture);
  if (!oracle)
    return refuse(path, oracle.error());
  Comparison comparison(path, *oracle, *architecture);
  Expander expander(comparison);
  uint64_t first = UINT64_MAX;
  auto facts = compile_rows(*source, *image, {.beyond_cfi = false}, [&](std::span<const Row> rows) {
    first = std::min(first, rows.front().address.value);
    expander.take(rows);
  });
  if (!facts)
    return refuse(path, facts.error());
  // Before the first row and behind the last there is nothing either.
  expander.finish(facts->text.end.value);
  comparison.gap(facts->text.start.value, std::min(first, facts->text.end.value));
  std::printf("%s\t%s\t%lu", path, comparison.differences == 0 ? "same" : "different",
              comparison.compared);
  for (const auto& [name, count] : comparison.listed)
    std::printf("\t%s=%lu", name.c_str(), count);
  if (facts->malformed_total() != 0)
    std::printf("\tmalformed=%lu", facts->malformed_total());
  if (facts->overlapping != 0)
    std::printf("\toverlapping=%lu", facts->overlapping);
  std::printf("\n");
  return comparison.differences == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  int status = 0;
  for (int i = 1; i < argc; ++i) {
    status |= compare(argv[i]);
    std::fflush(stdout);
  }
  return status;
}
