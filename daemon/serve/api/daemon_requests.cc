#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "daemon/serve/api/parameters.h"
#include "daemon/serve/api/state.h"

namespace pprofd::serve {
namespace {

constexpr int64_t kDefaultSeconds = 30; // Go's
constexpr int64_t kLongestSeconds = 600;
constexpr uint64_t kHighestFrequency = 5000;
constexpr size_t kMaxPids = 100;
constexpr size_t kMaxAtOnce = 16; // profiles that are being taken
constexpr size_t kLongestName = 4096;

Result<void> read_pids(const Query& query, ProfileRequest& profile) {
  for (std::string_view list : query.all("pid")) {
    while (!list.empty()) {
      const size_t end = std::min(list.find(','), list.size());
      const std::string_view one = list.substr(0, end);
      uint32_t pid = 0;
      const auto [stop, error] = std::from_chars(one.begin(), one.end(), pid);
      if (error != std::errc() || stop != one.end() || pid == 0 || pid > INT32_MAX)
        return fail("pid", "it is no number of a process");
      profile.add_pids(pid);
      list.remove_prefix(std::min(end + 1, list.size()));
    }
  }
  if (profile.pids_size() > static_cast<int>(kMaxPids))
    return fail("pid", "there are more than " + std::to_string(kMaxPids));
  return {};
}

Result<ProfileRequest> read_request(const Query& query) {
  ProfileRequest profile;
  const auto seconds = query.get("seconds").empty() ? kDefaultSeconds * kSecond
                                                    : parse_seconds(query.get("seconds"));
  if (!seconds)
    return std::unexpected(seconds.error());
  if (*seconds < kSecond / 100 || *seconds > kLongestSeconds * kSecond)
    return fail("seconds", "a profile takes from 0.01 to " + std::to_string(kLongestSeconds));
  profile.set_duration_nanos(static_cast<uint64_t>(*seconds));
  const auto frequency = parse_count(query, "hz", 0, 1, kHighestFrequency);
  if (!frequency)
    return std::unexpected(frequency.error());
  profile.set_frequency(static_cast<uint32_t>(*frequency));
  if (auto ok = read_pids(query, profile); !ok)
    return std::unexpected(ok.error());
  for (const char* name : {"comm", "unit", "container", "pod", "cgroup"})
    if (query.get(name).size() > kLongestName)
      return fail(name, "it is too long");
  profile.set_comm(std::string(query.get("comm")));
  profile.set_unit(std::string(query.get("unit")));
  profile.set_container(std::string(query.get("container")));
  profile.set_pod(std::string(query.get("pod")));
  profile.set_cgroup(std::string(query.get("cgroup")));
  return profile;
}

Response not_connected(const Request& request) {
  return error_response(503, request, "the daemon cannot be asked now", "try again");
}

void append_metric(std::string& out, const char* name, const char* type, const char* help,
                   uint64_t value) {
  out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

std::string own_metrics(const Api::State& state) {
  std::string out;
  const StoreTotals totals = state.context.store.totals();
  const ServerCounts http = state.context.server_counts();
  append_metric(out, "pprofd_store_bytes", "gauge", "Size of the store: files and index.",
                totals.bytes);
  append_metric(out, "pprofd_store_profiles", "gauge", "Profiles in the store.", totals.profiles);
  append_metric(out, "pprofd_store_triggered_bytes", "gauge",
                "Of the store, files of profiles that triggers took.", totals.triggered_bytes);
  append_metric(out, "pprofd_store_triggered_profiles", "gauge",
                "Of the store, profiles that triggers took.", totals.triggered_profiles);
  append_metric(out, "pprofd_store_pushed_profiles_total", "counter",
                "Profiles that others sent and that were stored.", state.pushed);
  append_metric(out, "pprofd_store_refused_profiles_total", "counter",
                "Profiles that others sent and that were refused.", state.refused_pushes);
  append_metric(out, "pprofd_http_connections", "gauge", "Open connections.", http.connections);
  append_metric(out, "pprofd_http_connections_total", "counter", "Connections accepted.",
                http.accepted);
  append_metric(out, "pprofd_http_requests_total", "counter", "Requests with a whole header.",
                http.requests);
  append_metric(out, "pprofd_http_timeouts_total", "counter",
                "Connections cut because a step of a request took too long.", http.timed_out);
  append_metric(out, "pprofd_http_evictions_total", "counter",
                "Waiting connections closed in favour of new ones.", http.evicted);
  append_metric(out, "pprofd_http_malformed_requests_total", "counter",
                "Requests that are no HTTP or too large.", http.malformed);
  return out;
}

Response metrics_response(std::string text) {
  return {.status = 200,
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = std::move(text),
          .headers = {}};
}

} // namespace

void take_profile(const std::shared_ptr<Api::State>& state, const Request& request,
                  const std::shared_ptr<Exchange>& exchange) {
  auto profile = read_request(request.query);
  if (!profile)
    return exchange->reply(error_response(400, request, profile.error()));
  const std::string client = request.peer.name;
  if (state->profiling.contains(client))
    return exchange->reply(
        error_response(429, request, "this client already waits for a profile", "one at a time"));
  if (state->profiling.size() >= kMaxAtOnce)
    return exchange->reply(error_response(503, request, "too many profiles are being taken"));

  // Only the path is needed once the answer is there.
  auto asked = std::make_shared<Request>();
  asked->path = request.path;
  const uint64_t id = state->context.daemon.take_profile(
      std::move(*profile), [state, client, asked, exchange](const Answer& answer) {
        state->profiling.erase(client);
        if (answer.status() == 200)
          exchange->reply(profile_response(answer.body(), "profile.pb.gz"));
        else
          exchange->reply(error_response(answer.status(), *asked, answer.body()));
      });
  if (id == 0)
    return exchange->reply(not_connected(request));
  state->profiling.insert(client);
  // The exchange is held by the callback above, which the daemon's side forgets when it is
  // cancelled.
  exchange->on_gone([state, client, id] {
    state->profiling.erase(client);
    state->context.daemon.cancel(id);
  });
}

void show_metrics(const std::shared_ptr<Api::State>& state, const Request&,
                  const std::shared_ptr<Exchange>& exchange) {
  const uint64_t id = state->context.daemon.daemon_metrics([state, exchange](const Answer& answer) {
    exchange->reply(
        metrics_response(own_metrics(*state) + (answer.status() == 200 ? answer.body() : "")));
  });
  if (id == 0)
    exchange->reply(metrics_response(own_metrics(*state)));
}

void reload(const std::shared_ptr<Api::State>& state, const Request& request,
            const std::shared_ptr<Exchange>& exchange) {
  auto asked = std::make_shared<Request>();
  asked->path = request.path;
  const uint64_t id = state->context.daemon.reload([asked, exchange](const Answer& answer) {
    if (answer.status() == 200)
      exchange->reply({.status = 200, .body = answer.body() + "\n", .headers = {}});
    else
      exchange->reply(error_response(answer.status(), *asked, answer.body()));
  });
  if (id == 0)
    exchange->reply(not_connected(request));
}

Response debug_index() {
  constexpr const char* kIndex = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>/debug/pprof/</title></head><body>
<h1>/debug/pprof/</h1>
<p>Profiles of this machine's processes, in the format of Go's net/http/pprof.</p>
<ul>
<li><a href="profile?seconds=30">profile</a>: CPU profile of the whole machine. Parameters: seconds,
hz, and to choose processes pid, comm, unit, container, pod, cgroup.
<code>go tool pprof 'http://HOST/debug/pprof/profile?pid=1'</code></li>
<li><a href="cmdline">cmdline</a></li>
</ul>
</body></html>
)";
  return {.status = 200,
          .content_type = "text/html; charset=utf-8",
          .body = kIndex,
          .headers = {{"Content-Security-Policy", "default-src 'none'"}}};
}

} // namespace pprofd::serve
