// profefe's collector API on this store: what its clients send and what they are answered, as its
// own server does it (github.com/profefe/profefe; its README and measured replies).
#include <algorithm>
#include <array>

#include "daemon/profile/saturating.h"
#include "daemon/serve/api/json.h"
#include "daemon/serve/api/parameters.h"
#include "daemon/serve/api/state.h"
#include "daemon/serve/store/layout.h"

namespace pprofd::serve {
namespace {

namespace proto = perftools::profiles;

constexpr std::array<std::string_view, 8> kTypes{"cpu",       "heap",         "block", "mutex",
                                                 "goroutine", "threadcreate", "other", "trace"};
constexpr int64_t kFuture = 86'400 * kSecond; // how far a clock may be ahead
constexpr size_t kMostListed = 10'000;
constexpr size_t kMostMergedIds = 1000;

void append_profile(Json& json, const StoredProfile& profile) {
  json.open('{').field("id", id_text(profile.id)).field("type", profile.type);
  json.field("service", profile.service).key("labels").open('[');
  for (const auto& [key, value] : profile.labels)
    json.open('{').field("key", key).field("value", value).close('}');
  json.close(']').field("created_at", plain_time_text(profile.time) + "Z");
  // Beyond profefe's fields.
  json.field("duration_seconds", static_cast<double>(profile.duration) / 1e9);
  json.field("samples", profile.samples).field("value", profile.value);
  json.field("bytes", profile.bytes).close('}');
}

Response body_response(std::string body) {
  return json_response(R"({"code":200,"body":)" + std::move(body) + "}\n");
}

// What POST says of the profile beside its body.
Result<NewProfile> read_push(const Request& request, TimeNanos now) {
  NewProfile profile;
  profile.service = request.query.get("service");
  profile.type = request.query.get("type");
  profile.time = now;
  if (profile.service.empty())
    return fail("service", "it is missing");
  if (std::ranges::find(kTypes, profile.type) == kTypes.end())
    return fail("type", "it is none of cpu, heap, block, mutex, goroutine, threadcreate, other");
  auto labels = parse_labels(request.query.get("labels"), Escaping::kPercent);
  if (!labels)
    return std::unexpected(labels.error());
  profile.labels = std::move(*labels);
  if (const auto created = request.query.get("created_at"); !created.empty()) {
    const auto time = parse_plain_time(created);
    if (!time)
      return std::unexpected(time.error());
    profile.time = *time;
  }
  return profile;
}

// Reads, checks and rewrites the body: what is stored is what every reader accepts.
Result<NewProfile> decode_push(NewProfile profile, std::string_view body, TimeNanos now) {
  auto decoded = parse_profile(body, upload_limits());
  if (!decoded)
    return std::unexpected(decoded.error());
  if (decoded->sample_size() == 0 || decoded->sample_type_size() == 0)
    return fail("profile", "it is empty: no samples");
  if (decoded->time_nanos() > 0)
    profile.time = decoded->time_nanos();
  if (profile.time > now + kFuture)
    return fail("profile", "its time is more than a day ahead of this machine's");
  profile.duration = std::max<int64_t>(decoded->duration_nanos(), 0);
  int64_t samples = 0;
  int64_t value = 0;
  for (const proto::Sample& sample : decoded->sample()) {
    samples = saturating_add(samples, sample.value(0));
    value = saturating_add(value, sample.value(sample.value_size() - 1));
  }
  profile.samples = static_cast<uint64_t>(std::max<int64_t>(samples, 0));
  profile.value = static_cast<uint64_t>(std::max<int64_t>(value, 0));
  auto bytes = serialize_gzip(*decoded);
  if (!bytes)
    return std::unexpected(bytes.error());
  profile.bytes = std::move(*bytes);
  return profile;
}

// profefe's selector: service, from and to are required.
Result<Selector> read_selector(const Request& request) {
  const Query& query = request.query;
  if (query.get("service").empty())
    return fail("service", "it is missing");
  if (query.get("from").empty() || query.get("to").empty())
    return fail("from and to", "both must be given");
  const auto from = parse_plain_time(query.get("from"));
  const auto to = parse_plain_time(query.get("to"));
  auto labels = parse_labels(query.get("labels"), Escaping::kPercent);
  if (!from || !to)
    return std::unexpected((!from ? from : to).error());
  if (!labels)
    return std::unexpected(labels.error());
  const auto limit = parse_count(query, "limit", kMostListed, 1, kMostListed);
  if (!limit)
    return std::unexpected(limit.error());
  const auto triggered = parse_triggered(query);
  if (!triggered)
    return std::unexpected(triggered.error());
  Selector selector;
  selector.from = *from;
  selector.to = *to + kSecond; // the last second is meant too
  selector.overlapping = false;
  selector.type = query.get("type");
  selector.labels = std::move(*labels);
  selector.labels[kServiceLabel] = query.get("service");
  selector.triggered = *triggered;
  selector.limit = *limit;
  return selector;
}

Response merged_response(const Request& request, const Result<proto::Profile>& merged) {
  if (!merged)
    return error_response(404, request, merged.error());
  auto bytes = serialize_gzip(*merged);
  if (!bytes)
    return error_response(500, request, bytes.error());
  return profile_response(std::move(*bytes), "profile.pb.gz");
}

} // namespace

void push_profile(const std::shared_ptr<Api::State>& state, Request request,
                  const std::shared_ptr<Exchange>& exchange) {
  const TimeNanos now = time_now();
  auto about = read_push(request, now);
  if (!about) {
    state->refused_pushes++;
    return exchange->reply(error_response(400, request, about.error()));
  }
  auto shared = std::make_shared<Request>(std::move(request));
  const auto store = [state, exchange, shared, now](NewProfile wanted) {
    auto profile = decode_push(std::move(wanted), shared->body, now);
    if (!profile) {
      state->refused_pushes++;
      return exchange->reply(error_response(400, *shared, profile.error()));
    }
    const bool queued =
        state->context.store.add(std::move(*profile), [=](const Result<StoredProfile>& stored) {
          if (!stored) {
            state->refused_pushes++;
            return exchange->reply(error_response(500, *shared, stored.error()));
          }
          state->pushed++;
          Json json;
          append_profile(json, *stored);
          exchange->reply(body_response(json.take()));
        });
    if (!queued)
      exchange->reply(error_response(503, *shared, "the store is busy", "try again"));
  };
  const bool queued = state->context.pool.run([store, about = std::move(*about), exchange, shared] {
    try {
      store(about);
    } catch (const std::exception& error) {
      exchange->reply(error_response(500, *shared, std::string(error.what())));
    }
  });
  if (!queued)
    exchange->reply(error_response(503, *shared, "too much is waiting", "try again"));
}

Response list_profiles(Store& store, const Request& request, const QueryLimits& limits) {
  const auto selector = read_selector(request);
  if (!selector)
    return error_response(400, request, selector.error());
  auto reader = store.reader();
  if (!reader)
    return error_response(500, request, reader.error());
  Json json;
  json.open('[');
  size_t count = 0;
  auto done = (*reader)->for_each(*selector, [&](const IndexRow& row, const Series& series) {
    count++;
    append_profile(json, profile_of(row, series));
    return check(limits);
  });
  if (!done)
    return error_response(500, request, done.error());
  if (count == 0)
    return error_response(404, request, "there are no such profiles");
  json.close(']');
  return body_response(json.take());
}

Response merged_profile(Store& store, const Request& request, const QueryLimits& limits) {
  auto selector = read_selector(request);
  if (selector && selector->type.empty())
    return error_response(400, request, "type is missing");
  if (!selector)
    return error_response(400, request, selector.error());
  selector->limit = SIZE_MAX;
  return merged_response(request, merge_stored(store, *selector, {}, limits));
}

Response profile_by_id(Store& store, const Request& request, const QueryLimits& limits) {
  std::string_view ids =
      std::string_view(request.path).substr(std::string_view("/api/0/profiles/").size());
  auto reader = store.reader();
  if (!reader)
    return error_response(500, request, reader.error());
  StoredMerger merger;
  for (size_t count = 1;; count++) {
    if (auto ok = check(limits); !ok)
      return error_response(503, request, ok.error());
    const size_t end = std::min(ids.find_first_of("+ "), ids.size());
    const auto id = parse_id(ids.substr(0, end));
    if (!id)
      return error_response(400, request, "an id has 16 hexadecimal digits");
    const auto stored = (*reader)->find(*id);
    const auto bytes = stored ? (*reader)->read(name_of(*stored))
                              : Result<std::string>(std::unexpected(stored.error()));
    if (!bytes)
      return error_response(404, request, bytes.error());
    if (count == 1 && end == ids.size())
      return profile_response(*bytes, id_text(*id) + ".pb.gz");
    auto profile = parse_profile(*bytes, upload_limits());
    if (!profile)
      return error_response(500, request, profile.error());
    if (auto ok = merger.add(*profile); !ok)
      return error_response(400, request, ok.error());
    if (end == ids.size())
      return merged_response(request, std::move(merger).finish());
    if (count == kMostMergedIds)
      return error_response(400, request, "there are too many ids");
    ids.remove_prefix(end + 1);
  }
}

Response list_services(Store& store, const Request& request, const QueryLimits&) {
  auto reader = store.reader();
  const auto services = reader ? (*reader)->services()
                               : Result<std::vector<std::string>>(std::unexpected(reader.error()));
  if (!services)
    return error_response(500, request, services.error());
  Json json;
  json.open('[');
  for (const std::string& service : *services)
    json.value(service);
  json.close(']');
  return body_response(json.take());
}

} // namespace pprofd::serve
