// stacks_against_libdw [options] COMMAND [ARGUMENT…]
//
// Runs the command step by step and compares, at each instruction, the unwinder's stack (its own
// source over rows compiled from the files that are mapped) with libdw's, frame by frame.
//   --marked          only between the program's first int3 and the next
//   --hop MICROS      let it run freely so long between every 2,000 steps
//   --steps N         at most so many steps (default 1,000,000)
//   --seconds S       at most so long (default 10)
//   --show            print the stacks of the first incomplete ones too
//   --repeat N        compare an instruction at most so often (default 4)
//
// Prints, tab-separated: "steps N", "compared N", "frames N", "complete N", then one line for each
// kind of difference, `KIND COUNT DETAIL`:
//   incomplete   ours ends early, for the reason given, at the place given
//   oracle-ends  libdw ends early, with its message, at the place given
//   oracle-runs  libdw goes on where ours is complete, from the place given to the next
//   no-call      a frame that only we have, at the place given, returns to where no call is before
//   missed-leave the rule for the caller's frame pointer leads out of the frame: the compiler's
//   call
//                frame information has missed a `leave`, libdw follows it, ours is complete
//   wrong        a frame differs; both stacks follow on stderr
// Status 0, or 1 where a frame is wrong, 2 where it could not run.
#include <cinttypes>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include <CLI/CLI.hpp>

#include "daemon/sampling/reasons.h"
#include "tests/differential/stacks/libdw_walk.h"
#include "tests/differential/stacks/process_rules.h"
#include "tests/differential/stacks/tracee.h"

namespace {

using namespace pprofd;
using namespace pprofd::test;
using Clock = std::chrono::steady_clock;

struct Options {
  bool marked = false;
  int hop = 0;
  uint64_t steps = 1'000'000;
  double seconds = 10;
  unsigned repeat = 4;
  bool show = false;
  std::vector<std::string> command;
};

class Comparison {
public:
  Comparison(Tracee& tracee, const Options& options)
      : tracee_(&tracee), repeat_(options.repeat), show_(options.show) {}

  void look() {
    ++steps_;
    if (tracee_->mappings_may_have_changed() || oracle_ == nullptr)
      update();
    if (++seen_[tracee_->registers().rip] > repeat_)
      return;
    compare();
  }

  // Returns the number of wrong stacks.
  uint64_t report() const {
    std::printf("steps\t%" PRIu64 "\ncompared\t%" PRIu64 "\nframes\t%" PRIu64 "\ncomplete\t%" PRIu64
                "\n",
                steps_, compared_, frames_, complete_);
    uint64_t wrong = 0;
    for (const auto& [what, count] : differences_) {
      std::printf("%s\t%" PRIu64 "\t%s\n", what.first.c_str(), count, what.second.c_str());
      wrong += what.first == "wrong" ? count : 0;
    }
    return wrong;
  }

private:
  static constexpr int kShown = 8;

  void update() {
    if (rules_.update(tracee_->pid(), tracee_->memory()) || oracle_ == nullptr ||
        pid_ != tracee_->pid()) {
      pid_ = tracee_->pid();
      oracle_ = std::make_unique<LibdwWalk>(pid_, tracee_->memory());
    }
  }

  void compare() {
    const LeafRegisters leaf = tracee_->leaf();
    const ReplayedStack ours = replay_stack(rules_, tracee_->memory(), leaf);
    const std::vector<unwind_found> found = rules_.take_found();
    const std::vector<uint64_t> pcs = raw_pcs(ours, found);
    const LibdwStack theirs = oracle_->walk(leaf);
    ++compared_;
    frames_ += pcs.size();
    complete_ += is_complete(ours.end);
    const size_t common =
        static_cast<size_t>(std::ranges::mismatch(pcs, theirs.pcs).in1 - pcs.begin());
    check_calls(common, ours, pcs, found, theirs);
    if (is_complete(ours.end) && misses_leave(found.front(), leaf)) {
      if (pcs != theirs.pcs)
        note("missed-leave", rules_.name(leaf.pc), ours, pcs, theirs);
      return;
    }
    if (common < std::min(pcs.size(), theirs.pcs.size())) {
      note("wrong", rules_.name(pcs[common - 1]) + " at " + rules_.name(leaf.pc), ours, pcs,
           theirs);
      return;
    }
    const std::string last = rules_.name(pcs.back() - (pcs.size() > 1));
    if (!is_complete(ours.end))
      note("incomplete", std::string(stack_end_name(ours.end)) + " in " + last, ours, pcs, theirs);
    else if (pcs.size() < theirs.pcs.size())
      note("oracle-runs", "from " + last + " to " + rules_.name(theirs.pcs[common]), ours, pcs,
           theirs);
    else if (pcs.size() > theirs.pcs.size() || !theirs.error.empty())
      note("oracle-ends", theirs.error + " in " + rules_.name(theirs.pcs.back()), ours, pcs,
           theirs);
  }

  // Beyond what libdw confirms, calls must at least stand before the return addresses.
  void check_calls(size_t from, const ReplayedStack& ours, const std::vector<uint64_t>& pcs,
                   const std::vector<unwind_found>& found, const LibdwStack& theirs) {
    for (size_t i = std::max<size_t>(from, 1); i < pcs.size(); ++i)
      if (!is_signal(found.at(i)) && !is_signal(found.at(i - 1)) && !is_behind_call(pcs[i]))
        note("no-call", rules_.name(pcs[i]), ours, pcs, theirs);
  }

  bool is_behind_call(uint64_t pc) {
    constexpr size_t kLongest = 7;
    std::array<std::byte, kLongest> code{};
    if (!tracee_->memory().read(pc - kLongest, code))
      return false;
    if (code[kLongest - 5] == std::byte{0xe8})
      return true;
    for (size_t length = 2; length <= kLongest; ++length) // ff /2
      if (code[kLongest - length] == std::byte{0xff} &&
          (code[kLongest - length + 1] & std::byte{0x38}) == std::byte{0x10})
        return true;
    return false;
  }

  static bool is_signal(const unwind_found& rule) {
    return rule.cfa == UNWIND_CFA_SIGNAL || (rule.flags & UNWIND_RULE_SIGNAL_FRAME) != 0;
  }

  // The rule says that the caller's frame pointer is saved in the leaf's frame, but it is not
  // there.
  static bool misses_leave(const unwind_found& rule, const LeafRegisters& leaf) {
    const auto plus = [](uint64_t base, int32_t offset) {
      return base + static_cast<uint64_t>(int64_t{offset});
    };
    const uint64_t sp = leaf.numbered[UNWIND_SP];
    const uint64_t saved = plus(leaf.numbered[UNWIND_FP], rule.fp_offset);
    const uint64_t cfa = plus(
        rule.cfa == UNWIND_CFA_SP ? sp : leaf.numbered.at(rule.cfa_register & 15), rule.cfa_offset);
    return (rule.cfa == UNWIND_CFA_SP || rule.cfa == UNWIND_CFA_REGISTER) &&
           rule.fp == UNWIND_FP_AT_FP && (saved < sp || saved >= cfa);
  }

  // Undoes the one that is subtracted from return addresses.
  static std::vector<uint64_t> raw_pcs(const ReplayedStack& stack,
                                       const std::vector<unwind_found>& found) {
    std::vector<uint64_t> pcs;
    pcs.reserve(stack.frames.size());
    for (size_t i = 0; i < stack.frames.size(); ++i) {
      const bool exact = i == 0 || is_signal(found.at(i - 1));
      pcs.push_back((stack.frames[i] & PPROFD_FRAME_PAYLOAD_MASK) + (exact ? 0 : 1));
    }
    return pcs;
  }

  void note(const std::string& kind, const std::string& detail, const ReplayedStack& ours,
            const std::vector<uint64_t>& pcs, const LibdwStack& theirs) {
    const bool matters = kind == "wrong" || kind == "no-call" || (show_ && kind == "incomplete");
    if (differences_[{kind, detail}]++ != 0 || shown_[kind] == kShown || !matters)
      return;
    ++shown_[kind];
    std::fprintf(stderr, "%s: %s (%s; libdw: %s)\n", kind.c_str(), detail.c_str(),
                 std::string(stack_end_name(ours.end)).c_str(), theirs.error.c_str());
    for (size_t i = 0; i < std::max(pcs.size(), theirs.pcs.size()); ++i) {
      const auto place = [&](const std::vector<uint64_t>& all) {
        return i < all.size() ? rules_.name(all[i]) : std::string();
      };
      std::fprintf(stderr, "  %-40s %s\n", place(pcs).c_str(), place(theirs.pcs).c_str());
    }
  }

  Tracee* tracee_;
  unsigned repeat_;
  bool show_;
  pid_t pid_ = -1;
  ProcessRules rules_;
  std::unique_ptr<LibdwWalk> oracle_;
  std::unordered_map<uint64_t, unsigned> seen_;
  std::map<std::pair<std::string, std::string>, uint64_t> differences_;
  uint64_t steps_ = 0;
  uint64_t compared_ = 0;
  uint64_t frames_ = 0;
  uint64_t complete_ = 0;
  std::map<std::string, int> shown_;
};

void follow(Tracee& tracee, Comparison& comparison, const Options& options) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(options.seconds);
  if (options.marked && tracee.run() != Tracee::Stop::kMarker)
    throw std::runtime_error("the program has no marker");
  for (uint64_t step = 0; step < options.steps && Clock::now() < deadline; ++step) {
    comparison.look();
    const bool hops = options.hop != 0 && step % 2000 == 1999;
    const auto stop = hops ? tracee.run(std::chrono::microseconds(options.hop)) : tracee.step();
    if (stop == Tracee::Stop::kExited || (options.marked && stop == Tracee::Stop::kMarker))
      return;
  }
}

int run(const Options& options) {
  Tracee tracee(options.command);
  Comparison comparison(tracee, options);
  follow(tracee, comparison, options);
  return comparison.report() == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares the unwinder's stacks with libdw's, instruction by instruction");
  app.add_flag("--marked", options.marked);
  app.add_option("--hop", options.hop);
  app.add_option("--steps", options.steps);
  app.add_option("--seconds", options.seconds);
  app.add_flag("--show", options.show);
  app.add_option("--repeat", options.repeat);
  app.add_option("command", options.command)->required();
  app.prefix_command(false);
  app.positionals_at_end();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stacks_against_libdw: error: %s\n", error.what());
    return 2;
  }
}
