// What the handlers of this folder share. Internal to it.
#pragma once

#include <atomic>
#include <set>

#include "daemon/serve/api/api.h"
#include "daemon/serve/api/gather.h"

namespace pprofd::serve {

struct Api::State {
  explicit State(ApiContext given) : context(std::move(given)) {}

  ApiContext context;
  std::set<std::string> profiling;  // clients that wait for a profile; the server's thread
  std::atomic<uint64_t> pushed = 0; // profiles that others sent
  std::atomic<uint64_t> refused_pushes = 0;
};

// A query: runs on the pool, gives an answer.
using Work = std::function<Response(Store&, const Request&, const QueryLimits&)>;

Response json_response(std::string json);
Response profile_response(std::string bytes, const std::string& name);

// daemon_requests.cc: what the daemon is asked for.
void take_profile(const std::shared_ptr<Api::State>& state, const Request& request,
                  const std::shared_ptr<Exchange>& exchange);
void show_metrics(const std::shared_ptr<Api::State>& state, const Request& request,
                  const std::shared_ptr<Exchange>& exchange);
void reload(const std::shared_ptr<Api::State>& state, const Request& request,
            const std::shared_ptr<Exchange>& exchange);
Response debug_index();

// profefe.cc: the collector's API of github.com/profefe/profefe.
void push_profile(const std::shared_ptr<Api::State>& state, Request request,
                  const std::shared_ptr<Exchange>& exchange);
Response list_profiles(Store& store, const Request& request, const QueryLimits& limits);
Response merged_profile(Store& store, const Request& request, const QueryLimits& limits);
Response profile_by_id(Store& store, const Request& request, const QueryLimits& limits);
Response list_services(Store& store, const Request& request, const QueryLimits& limits);

// views.cc: stacks.
Response flame_graph(Store& store, const Request& request, const QueryLimits& limits);
Response difference(Store& store, const Request& request, const QueryLimits& limits);
Response profile_download(Store& store, const Request& request, const QueryLimits& limits);
Response hottest(Store& store, const Request& request, const QueryLimits& limits);
// regressions.cc
Response regressions(Store& store, const Request& request, const QueryLimits& limits);

// overview.cc: time series and labels.
Response processes(Store& store, const Request& request, const QueryLimits& limits);
Response process_metrics(Store& store, const Request& request, const QueryLimits& limits);
Response label_names(Store& store, const Request& request, const QueryLimits& limits);
Response label_values(Store& store, const Request& request, const QueryLimits& limits);

} // namespace pprofd::serve
