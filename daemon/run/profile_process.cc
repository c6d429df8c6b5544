#include "daemon/run/profile_process.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "daemon/doctor/probes.h"
#include "daemon/process/cgroup.h"
#include "daemon/process/target_match.h"
#include "daemon/run/sink_profile.h"
#include "daemon/serve/link/link.h"
#include "daemon/target/target_filter.h"
#include "daemon/trigger/reading_round.h"
#include "proto/serve.pb.h"

namespace pprofd {

namespace {

using perftools::profiles::Profile;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr int kLink = 3;
constexpr nanoseconds kProfileTick = milliseconds(100);
constexpr milliseconds kNamesAtMost{15'000};
constexpr milliseconds kHurriedNames{700}; // where the service ends

// Every filter that is set must match.
Result<std::vector<ProcessPredicate>> predicates_of(const serve::ProfileRequest& request) {
  std::vector<ProcessPredicate> all;
  if (request.pids_size() != 0)
    all.emplace_back([pids = std::vector<uint32_t>(request.pids().begin(), request.pids().end())](
                         const Process& process) {
      return std::ranges::count(pids, static_cast<uint32_t>(process.pid)) != 0;
    });
  if (request.has_trigger())
    all.emplace_back([ticks = request.trigger().start_ticks()](const Process& process) {
      return process.started_at_tick(ticks);
    });
  if (!request.pod().empty())
    all.emplace_back(
        [pod = request.pod()](const Process& process) { return pod_of(*process.cgroups) == pod; });
  const auto match_cgroup_here = [](std::string_view path) { return match_cgroup(path); };
  const auto add = [&](const std::string& value, const auto& match) -> Result<void> {
    if (value.empty())
      return {};
    auto predicate = match(value);
    if (!predicate)
      return std::unexpected(predicate.error());
    all.push_back(std::move(*predicate));
    return {};
  };
  for (const auto& added :
       {add(request.comm(), match_comm), add(request.unit(), match_unit),
        add(request.container(), match_container), add(request.cgroup(), match_cgroup_here)})
    if (!added)
      return std::unexpected(added.error());
  return all;
}

TargetFilter filter_of(std::vector<ProcessPredicate> predicates) {
  return TargetFilter::matching([all = std::move(predicates)](const Process& process) {
    return std::ranges::all_of(all, [&](const auto& matches) { return matches(process); });
  });
}

class OneProfile {
public:
  OneProfile(const serve::ProfileRequest& request, serve::Link& link)
      : request_(request), link_(link) {}

  serve::Answer take() {
    auto predicates = predicates_of(request_);
    if (!predicates)
      return refusal(400, predicates.error());
    const bool filtered = !predicates->empty();
    TargetFilter filter = filter_of(std::move(*predicates));
    take_precedence();
    auto created = Collector::create(
        {.sampler = {.event = kSamplingEvents.front(),
                     .frequency = request_.frequency(),
                     .default_verdict = filtered ? PPROFD_UNDECIDED : PPROFD_INCLUDE},
         .worker = {},
         .index_folder = request_.index_folder(),
         .make_indexes = false,
         .debuginfod = {.servers = {request_.debug_servers().begin(),
                                    request_.debug_servers().end()}},
         .fetch = false});
    if (!created)
      return refusal(500, explain_start_failure({}, created.error()));
    Collector& collector = **created;
    if (filtered)
      if (auto installed = filter.install(collector); !installed)
        return refusal(500, installed.error());
    if (auto sampled = sample(collector, filtered ? &filter : nullptr); !sampled)
      return refusal(500, sampled.error());
    if (filtered && !filter.matched())
      return refusal(404, {"take a profile", "no process matched while it was taken", ""});
    return request_.has_trigger() ? compose_triggered(collector) : compose(collector);
  }

private:
  static serve::Answer refusal(uint32_t status, const Error& error) {
    serve::Answer answer;
    answer.set_status(status);
    answer.set_body(error.what + ": " + error.why +
                    (error.hint.empty() ? "" : " (" + error.hint + ")"));
    return answer;
  }

  static serve::Answer answer_of(const Profile& profile) {
    auto bytes = serialize_gzip(profile);
    if (!bytes)
      return refusal(500, bytes.error());
    serve::Answer answer;
    answer.set_status(200);
    answer.set_body(std::move(*bytes));
    return answer;
  }

  Result<void> sample(Collector& collector, TargetFilter* filter) {
    info_ = describe_machine();
    info_.event = kSamplingEvents.front();
    info_.frequency = request_.frequency();
    for (const auto& [name, value] : request_.labels())
      info_.comments.emplace_back(name, value);
    std::ranges::sort(info_.comments);
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    info_.time_nanos = std::chrono::duration_cast<nanoseconds>(wall).count();
    const auto start = steady_clock::now();
    if (auto started = collector.start(); !started)
      return started;
    const auto counts = counts_of_target();
    const auto counted = steady_clock::now();
    const auto end = start + nanoseconds(request_.duration_nanos());
    bool hurry = false;
    for (auto now = start; now < end && !hurry; now = steady_clock::now()) {
      collector.wait_for_work(link_.fd(), std::min(kProfileTick, nanoseconds(end - now)));
      const auto open = link_.fill();
      hurry = open && !*open && request_.has_trigger();
      if (!open || (!*open && !hurry))
        return fail("take a profile", "nobody waits for it any more");
      collector.tick();
      if (filter != nullptr)
        filter->tick();
    }
    info_.duration_nanos = nanoseconds(steady_clock::now() - start).count();
    if (request_.has_trigger())
      add_trigger(counts, counted);
    collector.finish(hurry ? kHurriedNames : kNamesAtMost);
    info_.unattributed_drops = collector.current().totals.unattributed_drops;
    return {};
  }

  // Of the process that a trigger is about; nothing where there is none (any more).
  [[nodiscard]] std::optional<ProcessCounts> counts_of_target() const {
    if (!request_.has_trigger())
      return std::nullopt;
    return read_counts(ProcFs(), static_cast<pid_t>(request_.pids(0)), true);
  }

  // Why it was taken, and what was measured before and meanwhile.
  void add_trigger(const std::optional<ProcessCounts>& before, steady_clock::time_point since) {
    const serve::Trigger& trigger = request_.trigger();
    info_.comments.emplace_back("trigger", trigger.reason());
    KeyValues comments;
    for (const auto& [name, value] : trigger.comments())
      comments.emplace_back(name, value);
    std::ranges::sort(comments);
    std::ranges::move(comments, std::back_inserter(info_.comments));
    const auto after = counts_of_target();
    if (!before || !after)
      return;
    const TriggerReading during = reading_between(*before, *after, steady_clock::now() - since);
    add_readings("metrics.during.", during, info_.comments);
  }

  serve::Answer compose_triggered(const Collector& collector) {
    const CollectedWindow& window = collector.current();
    if (window.processes.size() != 1 ||
        window.processes.front()->aggregate.accounting().written() == 0)
      return refusal(404, {"take a profile", "no sample of the process came", ""});
    KernelNames kernel;
    add_kernel_names(kernel, window);
    SinkProfile made = make_sink_profile(info_, *window.processes.front(), collector, kernel);
    serve::Answer answer = answer_of(made.composed.profile);
    *answer.mutable_profile() = std::move(made.head);
    return answer;
  }

  serve::Answer compose(const Collector& collector) {
    const CollectedWindow& window = collector.current();
    info_.merged = window.processes.size() != 1;
    KernelNames kernel;
    add_kernel_names(kernel, window);
    std::vector<ComposedProfile> profiles;
    profiles.reserve(window.processes.size());
    for (const auto& process : window.processes)
      profiles.push_back(compose_profile(info_, *process, collector, kernel));
    const auto profile = info_.merged ? compose_merged(info_, profiles, window.totals.samples)
                                      : Result<Profile>(std::move(profiles.front().profile));
    return profile ? answer_of(*profile) : refusal(500, profile.error());
  }

  const serve::ProfileRequest& request_;
  serve::Link& link_;
  RecordingInfo info_;
};

bool wait_for(const serve::Link& link) {
  pollfd entry{.fd = link.fd(), .events = link.wanted_events(), .revents = 0};
  return ::poll(&entry, 1, 30'000) > 0;
}

// False: the daemon has gone.
bool receive(serve::Link& link, serve::ProfileRequest& request) {
  for (;;) {
    const auto got = link.next(request);
    if (!got)
      return false;
    if (*got)
      return true;
    if (!wait_for(link))
      return false;
    if (const auto open = link.fill(); !open || !*open)
      return false;
  }
}

} // namespace

int profile_main() {
  serve::Link link{Fd(kLink)};
  serve::ProfileRequest request;
  if (!receive(link, request))
    return 1;
  if (!link.send(OneProfile(request, link).take()))
    return 1;
  while (link.unsent() != 0)
    if (!wait_for(link) || !link.flush())
      return 1;
  return 0;
}

} // namespace pprofd
