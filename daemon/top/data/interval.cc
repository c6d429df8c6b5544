#include "daemon/top/data/interval.h"

#include <string_view>
#include <utility>

#include "daemon/profile/id_index.h"
#include "daemon/profile/path.h"

namespace pprofd::top {

namespace {

using perftools::profiles::Location;
using perftools::profiles::Profile;
using perftools::profiles::Sample;

constexpr std::string_view kKernelMapping = "[kernel.kallsyms]";
constexpr std::string_view kKernel = "[kernel]";

std::string_view text(const Profile& profile, int64_t index) {
  return profile.string_table(static_cast<int>(index));
}

std::string object_name(std::string_view file) {
  if (file.starts_with(kKernelMapping))
    return std::string(kKernel);
  return std::string(last_component(file));
}

bool is_kernel_address(uint64_t address) {
  return address >> 63 != 0;
}

} // namespace

IntervalBuilder::IntervalBuilder(NameTable& names, std::chrono::nanoseconds duration,
                                 uint64_t unattributed_drops)
    : names_(&names) {
  interval_.duration = duration;
  interval_.unattributed_drops = unattributed_drops;
}

FunctionId IntervalBuilder::hold(const FunctionName& function) {
  const FunctionId id = names_->hold(function);
  if (held_.insert(id).second)
    interval_.held.push_back(id);
  else
    names_->release(id); // once an interval is enough
  return id;
}

uint32_t IntervalBuilder::thread_of(uint32_t process, const Profile& profile,
                                    const Sample& sample) {
  LiveThread thread{.process = process, .name = {}};
  for (const auto& label : sample.label()) {
    if (text(profile, label.key()) == "tid")
      thread.tid = static_cast<uint32_t>(label.num());
    if (text(profile, label.key()) == "thread")
      thread.name = text(profile, label.str());
  }
  const auto [position, is_new] =
      threads_.try_emplace(thread.tid, static_cast<uint32_t>(interval_.threads.size()));
  if (is_new)
    interval_.threads.push_back(std::move(thread));
  else // a thread may change its name: the last one counts
    interval_.threads[position->second].name = std::move(thread.name);
  return position->second;
}

void IntervalBuilder::add(LiveProcess process, const Profile& profile) {
  const auto process_at = static_cast<uint32_t>(interval_.processes.size());
  interval_.processes.push_back(std::move(process));
  threads_.clear();

  const IdIndex locations(profile.location());
  const IdIndex functions(profile.function());
  const IdIndex mappings(profile.mapping());
  std::vector<std::vector<FunctionId>> of_location;
  of_location.reserve(static_cast<size_t>(profile.location_size()));
  for (const Location& location : profile.location()) {
    const int mapping = mappings.position(location.mapping_id());
    const std::string object =
        mapping < 0 ? std::string()
                    : object_name(text(profile, profile.mapping(mapping).filename()));
    std::vector<FunctionId>& ids = of_location.emplace_back();
    for (const auto& line : location.line()) {
      const auto& function = profile.function(functions.position(line.function_id()));
      const std::string_view name = text(profile, function.name());
      ids.push_back(hold({.name = std::string(name),
                          .object = object,
                          .kernel = is_kernel_address(location.address()) || name == kKernel}));
    }
  }
  for (const Sample& sample : profile.sample()) {
    LiveStack stack{.thread = thread_of(process_at, profile, sample),
                    .first = static_cast<uint32_t>(interval_.frames.size()),
                    .value = sample.value(sample.value_size() - 1)};
    for (const uint64_t id : sample.location_id()) {
      const auto& ids = of_location[static_cast<size_t>(locations.position(id))];
      interval_.frames.insert(interval_.frames.end(), ids.begin(), ids.end());
    }
    stack.length = static_cast<uint32_t>(interval_.frames.size()) - stack.first;
    interval_.stacks.push_back(stack);
  }
}

} // namespace pprofd::top
