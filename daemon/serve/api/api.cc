#include "daemon/serve/api/api.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "daemon/serve/api/json.h"
#include "daemon/serve/api/state.h"
#include "daemon/serve/page/page_files.h"

namespace pprofd::serve {
namespace {

// Longest upload, before it is inflated.
constexpr size_t kMaxUpload = size_t{32} << 20;
constexpr size_t kMaxOtherBody = 4096;
// How long a query may take, its time in the queue included.
constexpr std::chrono::seconds kQueryTime(60);

constexpr std::string_view kProfileById = "/api/0/profiles/";
constexpr std::string_view kLabel = "/api/v1/label/";
constexpr std::string_view kValues = "/values";

struct Route {
  std::string_view path;
  Response (*work)(Store&, const Request&, const QueryLimits&);
};
constexpr std::array kQueries{
    Route{"/api/0/profiles", list_profiles},    Route{"/api/0/profiles/merge", merged_profile},
    Route{"/api/0/services", list_services},    Route{"/api/v1/processes", processes},
    Route{"/api/v1/metrics", process_metrics},  Route{"/api/v1/labels", label_names},
    Route{"/api/v1/flamegraph", flame_graph},   Route{"/api/v1/diff", difference},
    Route{"/api/v1/profile", profile_download}, Route{"/api/v1/top", hottest},
    Route{"/api/v1/regressions", regressions},
};

// Types of profiles that a daemon of this version cannot take, though Go's programs can.
constexpr std::array<std::string_view, 6> kOtherTypes{"block",  "mutex",        "heap",
                                                      "allocs", "threadcreate", "goroutine"};

Work query_of(std::string_view path) {
  const auto* const route = std::ranges::find(kQueries, path, &Route::path);
  if (route != kQueries.end())
    return route->work;
  if (path.starts_with(kProfileById))
    return profile_by_id;
  if (path.starts_with(kLabel) && path.ends_with(kValues) &&
      path.size() > kLabel.size() + kValues.size())
    return label_values;
  return nullptr;
}

bool is_read(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

Response wrong_method(const Request& request, const char* allowed) {
  Response response = error_response(405, request, "this address takes " + std::string(allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

Response text_response(std::string text) {
  return {.status = 200, .body = std::move(text), .headers = {}};
}

Response page_file(const Request& request) {
  const PageFile* file = find_page_file(request.path);
  if (file == nullptr && request.path == "/") {
    const Error error = why_no_page();
    return text_response(error.what + ": " + error.why + "; " + error.hint + "\n");
  }
  if (file == nullptr)
    return error_response(404, request, "there is nothing at this address");
  Response response{.status = 200,
                    .content_type = std::string(file->content_type),
                    .body = std::string(file->bytes),
                    .headers = {}};
  response.headers.emplace_back("ETag", file->etag);
  response.headers.emplace_back("Cache-Control", "no-cache");
  response.headers.emplace_back("Content-Security-Policy", page_security_policy());
  response.headers.emplace_back("Referrer-Policy", "same-origin");
  return response;
}

Response version_response(const ApiContext& context) {
  Json json;
  json.open('{').field("code", 200).key("body").open('{').field("version", context.version);
  json.close('}').close('}');
  return json_response(json.take() + "\n");
}

void run_query(const std::shared_ptr<Api::State>& state, const Work& work, Request request,
               const std::shared_ptr<Exchange>& exchange) {
  const auto deadline = std::chrono::steady_clock::now() + kQueryTime;
  auto shared = std::make_shared<Request>(std::move(request));
  const bool queued = state->context.pool.run([state, work, shared, exchange, deadline] {
    Response response;
    try {
      response =
          work(state->context.store, *shared, {.deadline = deadline, .exchange = exchange.get()});
    } catch (const std::exception& error) {
      response = error_response(500, *shared, "the query failed: " + std::string(error.what()));
    }
    exchange->reply(std::move(response));
  });
  if (!queued)
    exchange->reply(error_response(503, *shared, "too many queries are waiting", "try again"));
}

} // namespace

Response json_response(std::string json) {
  return {.status = 200,
          .content_type = "application/json",
          .body = std::move(json),
          .headers = {{"Cache-Control", "no-store"}}};
}

Response profile_response(std::string bytes, const std::string& name) {
  return {.status = 200,
          .content_type = "application/octet-stream",
          .body = std::move(bytes),
          .headers = {{"Content-Disposition", "attachment; filename=\"" + name + "\""},
                      {"Cache-Control", "no-store"}}};
}

Api::Api(ApiContext context) : state_(std::make_shared<State>(std::move(context))) {}
Api::~Api() = default;

size_t Api::body_limit(const Request& request) const {
  return request.path == "/api/0/profiles" && request.method == "POST" ? kMaxUpload : kMaxOtherBody;
}

void Api::handle(Request request, const std::shared_ptr<Exchange>& exchange) {
  const std::string& path = request.path;
  if (path == "/-/healthy" || path == "/-/ready")
    return exchange->reply(is_read(request) ? text_response("ok\n") : wrong_method(request, "GET"));
  if (path == "/metrics")
    return is_read(request) ? show_metrics(state_, request, exchange)
                            : exchange->reply(wrong_method(request, "GET"));
  if (request.metrics_only)
    return exchange->reply(error_response(404, request, "here are only /metrics and /-/healthy"));
  if (path == "/-/reload")
    return request.method == "POST" ? reload(state_, request, exchange)
                                    : exchange->reply(wrong_method(request, "POST"));
  if (path == "/api/0/profiles" && request.method == "POST")
    return push_profile(state_, std::move(request), exchange);
  if (!is_read(request) && !(path == "/debug/pprof/symbol" && request.method == "POST"))
    return exchange->reply(wrong_method(request, path == "/api/0/profiles" ? "GET, POST" : "GET"));
  if (path == "/debug/pprof/profile")
    return take_profile(state_, request, exchange);
  if (path == "/debug/pprof" || path == "/debug/pprof/")
    return exchange->reply(debug_index());
  if (path == "/debug/pprof/cmdline")
    return exchange->reply(text_response("pprofd"));
  if (path == "/debug/pprof/symbol") // profiles come with their names: there is nothing to ask
    return exchange->reply(text_response("num_symbols: 0\n"));
  if (path.starts_with("/debug/pprof/") &&
      std::ranges::find(kOtherTypes, path.substr(13)) != kOtherTypes.end())
    return exchange->reply(error_response(
        501, request, "profiles of the type " + path.substr(13) + " are not taken yet"));
  if (path == "/api/0/version")
    return exchange->reply(version_response(state_->context));
  if (const Work work = query_of(path))
    return run_query(state_, work, std::move(request), exchange);
  exchange->reply(page_file(request));
}

} // namespace pprofd::serve
