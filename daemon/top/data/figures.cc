#include "daemon/top/data/figures.h"

#include <map>
#include <span>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace pprofd::top {

namespace {

bool is_in(const Interval& interval, const LiveStack& stack, const Scope& scope) {
  if (!scope.process)
    return true;
  const LiveThread& thread = interval.threads[stack.thread];
  return interval.processes[thread.process].identity == *scope.process &&
         (!scope.tid || thread.tid == *scope.tid);
}

// Calls `visit(frames, value)` for each stack of the scope.
template <typename Visit>
void for_each_stack(const LiveSamples& samples, const Scope& scope, const Visit& visit) {
  for (const Interval& interval : samples.intervals()) {
    for (const LiveStack& stack : interval.stacks) {
      if (is_in(interval, stack, scope))
        visit(interval.frames_of(stack), stack.value);
    }
  }
}

// Sums for one of the function's two sides, each function once a stack.
class Side {
public:
  void begin_stack() { seen_.clear(); }
  void add(FunctionId function, int64_t value) {
    if (seen_.insert(function).second)
      sums_[function] += value;
  }
  [[nodiscard]] std::vector<Neighbour> all() const {
    std::vector<Neighbour> result;
    result.reserve(sums_.size());
    for (const auto& [function, value] : sums_)
      result.push_back({function, value});
    return result;
  }

private:
  std::unordered_map<FunctionId, int64_t> sums_;
  std::unordered_set<FunctionId> seen_;
};

} // namespace

FunctionList function_figures(const LiveSamples& samples, const Scope& scope) {
  FunctionList list;
  std::vector<FunctionFigures> by_id(samples.names().ids());
  std::vector<uint64_t> seen(by_id.size());
  uint64_t stack = 0;
  for_each_stack(samples, scope, [&](std::span<const FunctionId> frames, int64_t value) {
    list.whole += value;
    ++stack;
    if (!frames.empty())
      by_id[frames.front()].self += value;
    for (const FunctionId id : frames) {
      if (std::exchange(seen[id], stack) != stack)
        by_id[id].total += value;
    }
  });
  for (FunctionId id = 0; id < by_id.size(); ++id) {
    if (seen[id] == 0)
      continue;
    by_id[id].function = id;
    list.functions.push_back(by_id[id]);
  }
  return list;
}

Neighbours neighbours(const LiveSamples& samples, const Scope& scope, FunctionId function) {
  Neighbours result;
  result.self.function = function;
  Side callers;
  Side callees;
  for_each_stack(samples, scope, [&](std::span<const FunctionId> frames, int64_t value) {
    result.whole += value;
    callers.begin_stack();
    callees.begin_stack();
    bool found = false;
    for (size_t at = 0; at < frames.size(); ++at) {
      if (frames[at] != function)
        continue;
      found = true;
      if (at != 0 && frames[at - 1] != function)
        callees.add(frames[at - 1], value);
      if (at + 1 < frames.size() && frames[at + 1] != function)
        callers.add(frames[at + 1], value);
    }
    if (!found)
      return;
    result.self.total += value;
    if (frames.front() == function)
      result.self.self += value;
  });
  result.callers = callers.all();
  result.callees = callees.all();
  return result;
}

std::vector<ProcessFigures> process_figures(const LiveSamples& samples) {
  std::map<ProcessIdentity, ProcessFigures> all;
  std::map<ProcessIdentity, std::unordered_set<uint32_t>> threads;
  for (const Interval& interval : samples.intervals()) {
    for (const LiveProcess& process : interval.processes) {
      ProcessFigures& sum = all[process.identity];
      sum.identity = process.identity;
      sum.comm = process.comm; // the last name
      sum.executable = process.executable;
      sum.accounting += process.accounting;
    }
    for (const LiveStack& stack : interval.stacks) {
      const LiveThread& thread = interval.threads[stack.thread];
      const ProcessIdentity& identity = interval.processes[thread.process].identity;
      all[identity].value += stack.value;
      threads[identity].insert(thread.tid);
    }
  }
  std::vector<ProcessFigures> list;
  for (auto& [identity, process] : all) {
    process.threads = static_cast<uint32_t>(threads[identity].size());
    list.push_back(std::move(process));
  }
  return list;
}

std::vector<ThreadFigures> thread_figures(const LiveSamples& samples) {
  std::map<std::pair<ProcessIdentity, uint32_t>, ThreadFigures> all;
  for (const Interval& interval : samples.intervals()) {
    for (const LiveStack& stack : interval.stacks) {
      const LiveThread& thread = interval.threads[stack.thread];
      const LiveProcess& process = interval.processes[thread.process];
      ThreadFigures& sum = all[{process.identity, thread.tid}];
      sum.identity = process.identity;
      sum.comm = process.comm;
      sum.tid = thread.tid;
      sum.name = thread.name;
      sum.value += stack.value;
    }
  }
  std::vector<ThreadFigures> list;
  list.reserve(all.size());
  for (auto& [key, thread] : all)
    list.push_back(std::move(thread));
  return list;
}

int64_t whole_value(const LiveSamples& samples) {
  int64_t sum = 0;
  for_each_stack(samples, {}, [&](std::span<const FunctionId>, int64_t value) { sum += value; });
  return sum;
}

} // namespace pprofd::top
