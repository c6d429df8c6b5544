// What the samples of the last seconds add up to: by function, process and thread, and around one
// function. Values are in the event's unit. Inlined functions count as functions; recursion counts
// once. Pure; lists are in no order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/top/data/live_samples.h"

namespace pprofd::top {

// Whose samples count: all, a process's or one thread's.
struct Scope {
  std::optional<ProcessIdentity> process;
  std::optional<uint32_t> tid;

  bool operator==(const Scope&) const = default;
};

struct FunctionFigures {
  FunctionId function = 0;
  int64_t self = 0;  // of samples whose innermost frame it is
  int64_t total = 0; // of samples that have it anywhere
};

struct FunctionList {
  std::vector<FunctionFigures> functions;
  int64_t whole = 0; // of all samples in the scope
};

FunctionList function_figures(const LiveSamples& samples, const Scope& scope);

struct Neighbour {
  FunctionId function = 0;
  int64_t value = 0; // of samples in which the one calls the other
};

struct Neighbours {
  FunctionFigures self;
  std::vector<Neighbour> callers;
  std::vector<Neighbour> callees;
  int64_t whole = 0;
};

// `function` calling itself is no edge.
Neighbours neighbours(const LiveSamples& samples, const Scope& scope, FunctionId function);

struct ProcessFigures {
  ProcessIdentity identity;
  std::string comm;
  std::string executable;
  int64_t value = 0;
  uint32_t threads = 0; // that had samples
  SampleAccounting accounting;
};

std::vector<ProcessFigures> process_figures(const LiveSamples& samples);

struct ThreadFigures {
  ProcessIdentity identity;
  std::string comm;
  uint32_t tid = 0;
  std::string name;
  int64_t value = 0;
};

std::vector<ThreadFigures> thread_figures(const LiveSamples& samples);

// Of all samples.
int64_t whole_value(const LiveSamples& samples);

} // namespace pprofd::top
