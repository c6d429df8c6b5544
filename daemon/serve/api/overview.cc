// Time series for the page's charts, and labels to choose by.
#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "daemon/profile/utf8.h"
#include "daemon/serve/api/json.h"
#include "daemon/serve/api/parameters.h"
#include "daemon/serve/api/state.h"
#include "proto/serve.pb.h"

namespace pprofd::serve {
namespace {

constexpr size_t kPoints = 240; // of a chart, about
constexpr size_t kDefaultSeries = 200;
constexpr size_t kMostSeries = 5000;
constexpr size_t kMostEvents = 1000;
constexpr size_t kMostValues = 10'000;
// Steps that read well on an axis, in seconds.
constexpr std::array<int64_t, 13> kSteps{1,    10,   30,   60,     120,    300,   600,
                                         1800, 3600, 7200, 21'600, 43'200, 86'400};
// What a process is known by on the page, of the labels that its profiles have.
constexpr std::array<const char*, 7> kProcessLabels{"pid",     "comm", "exe",      "build_id",
                                                    "version", "unit", "container"};

// A chart's range in steps; the first one begins at a multiple of the step.
class Axis {
public:
  Axis(TimeNanos from, TimeNanos to, int64_t least_step) {
    const int64_t wanted = std::max((to - from) / static_cast<int64_t>(kPoints), least_step);
    const auto* const found =
        std::ranges::find_if(kSteps, [&](int64_t step) { return step * kSecond >= wanted; });
    step_ = (found == kSteps.end() ? kSteps.back() : *found) * kSecond;
    while ((to - from) / step_ > static_cast<int64_t>(10 * kPoints)) // years
      step_ *= 2;
    begin_ = from / step_ * step_;
    count_ = static_cast<size_t>((to - begin_ + step_ - 1) / step_);
  }

  [[nodiscard]] int64_t step() const { return step_; }
  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] TimeNanos at(size_t i) const { return begin_ + static_cast<int64_t>(i) * step_; }

  // Calls `each(position, share)` for the steps that [time, time + duration) lies in; the shares of
  // a window that is inside the range add up to one.
  template <typename Each> void spread(TimeNanos time, int64_t duration, const Each& each) const {
    const TimeNanos end = time + std::max<int64_t>(duration, 1);
    const TimeNanos last = begin_ + static_cast<int64_t>(count_) * step_;
    for (TimeNanos at = std::max(time, begin_); at < std::min(end, last);) {
      const auto position = static_cast<size_t>((at - begin_) / step_);
      const TimeNanos next = std::min(begin_ + static_cast<int64_t>(position + 1) * step_, end);
      each(position, static_cast<double>(next - at) / static_cast<double>(end - time));
      at = next;
    }
  }

private:
  TimeNanos begin_ = 0;
  int64_t step_ = 0;
  size_t count_ = 0;
};

struct ProcessSeries {
  std::string service;
  Labels labels;
  uint64_t samples = 0;
  uint64_t value = 0;
  std::map<size_t, double> points; // nanoseconds of CPU in the step
};

using ProcessKey = std::string;

class Processes {
public:
  explicit Processes(const Axis& axis) : axis_(axis) {}

  void add(const IndexRow& row, const Series& series) {
    ProcessSeries& one = find(series);
    one.samples += row.samples;
    one.value += row.value;
    axis_.spread(row.time, row.duration, [&](size_t position, double share) {
      one.points[position] += static_cast<double>(row.value) * share;
    });
  }

  // The largest value first.
  std::vector<const ProcessSeries*> sorted() const {
    std::vector<const ProcessSeries*> all;
    all.reserve(processes_.size());
    for (const auto& [key, one] : processes_)
      all.push_back(&one);
    std::ranges::sort(all, [](const ProcessSeries* a, const ProcessSeries* b) {
      return std::tie(b->value, a->service, a->labels) < std::tie(a->value, b->service, b->labels);
    });
    return all;
  }

private:
  ProcessSeries& find(const Series& series) {
    ProcessSeries*& known = by_series_[series.id];
    if (known != nullptr)
      return *known;
    Labels labels;
    std::string key = series.service;
    for (const char* name : kProcessLabels) {
      const auto found = series.labels.find(name);
      const std::string value = found == series.labels.end() ? "" : found->second;
      labels[name] = value;
      key.append(1, '\0').append(value);
    }
    known = &processes_[key];
    known->service = series.service;
    known->labels = std::move(labels);
    return *known;
  }

  const Axis& axis_;
  std::map<std::string, ProcessSeries> processes_;
  std::map<int64_t, ProcessSeries*> by_series_;
};

void append_process(Json& json, const ProcessSeries& process, const Axis& axis) {
  json.open('{').field("service", process.service).key("labels").open('{');
  for (const char* name : kProcessLabels)
    json.field(name, process.labels.at(name));
  json.close('}').field("samples", process.samples).field("value", process.value);
  json.key("points").open('[');
  for (const auto& [position, nanos] : process.points)
    json.open('[')
        .value(seconds(axis.at(position)))
        .value(nanos / static_cast<double>(axis.step()))
        .close(']');
  json.close(']').close('}');
}

void append_events(Json& json, const std::vector<StoredEvent>& events) {
  json.key("events").open('[');
  for (const StoredEvent& event : events)
    json.open('{')
        .field("time", seconds(event.time))
        .field("kind", event.kind)
        .field("text", event.text)
        .close('}');
  json.close(']');
}

// What is charted of a process, per second where it counts.
enum Metric : size_t { kCpu, kRss, kThreads, kDescriptors, kFaults, kIo, kSwitches, kMetrics };
constexpr std::array<const char*, kMetrics> kMetricNames{"cpu",    "rss", "threads", "descriptors",
                                                         "faults", "io",  "switches"};

using MetricValues = std::array<double, kMetrics>;

MetricValues values_of(const pprofd::serve::ProcessMetrics::Process& process, double per_second) {
  const auto number = [](uint64_t value) { return static_cast<double>(value); };
  return {number(process.cpu_nanos()) / 1e9 * per_second,
          number(process.rss_bytes()),
          number(process.threads()),
          number(process.descriptors()),
          (number(process.minor_faults()) + number(process.major_faults())) * per_second,
          (number(process.read_bytes()) + number(process.written_bytes())) * per_second,
          (number(process.voluntary_switches()) + number(process.involuntary_switches())) *
              per_second};
}

struct MetricSeries {
  std::string service, comm;
  double cpu = 0;
  struct Point {
    MetricValues sums{};
    double count = 0;
  };
  std::map<size_t, Point> points;
};

using MetricKey = std::tuple<uint32_t, uint64_t>; // pid, start in ticks

bool is_meant(const pprofd::serve::ProcessMetrics::Process& process, const Labels& labels) {
  return std::ranges::all_of(labels, [&](const auto& label) {
    const auto& [name, value] = label;
    if (name == kServiceLabel)
      return process.service() == value;
    if (name == "comm")
      return process.comm() == value;
    if (name == "pid")
      return std::to_string(process.pid()) == value;
    return true; // of these metrics are not told apart
  });
}

using Chosen = std::map<MetricKey, MetricSeries>;

// Calls `each` for every process of every reading in the range.
template <typename Each>
Result<void> for_processes(StoreReader& reader, const Selector& selector, const QueryLimits& limits,
                           const Each& each) {
  const auto reading = [&](TimeNanos time, std::string_view bytes) -> Result<void> {
    pprofd::serve::ProcessMetrics message;
    if (auto ok = check(limits); !ok)
      return ok;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return {};
    const double per_second =
        1e9 / static_cast<double>(std::max<int64_t>(message.duration_nanos(), 1));
    for (const auto& process : message.processes())
      if (is_meant(process, selector.labels))
        each(time, process, per_second);
    return {};
  };
  return reader.metrics(selector.from, selector.to, reading);
}

// The processes that took most CPU time in the range.
Result<Chosen> choose(StoreReader& reader, const Selector& selector, const QueryLimits& limits,
                      size_t limit) {
  std::map<MetricKey, double> cpu;
  auto done = for_processes(reader, selector, limits, [&](TimeNanos, const auto& process, double) {
    cpu[{process.pid(), process.start_ticks()}] += static_cast<double>(process.cpu_nanos());
  });
  if (!done)
    return std::unexpected(done.error());
  std::vector<std::pair<double, MetricKey>> order;
  order.reserve(cpu.size());
  for (const auto& [key, value] : cpu)
    order.emplace_back(value, key);
  std::ranges::sort(order, std::greater());
  Chosen chosen;
  for (size_t i = 0; i < order.size() && i < limit; i++)
    chosen[order[i].second].cpu = order[i].first;
  return chosen;
}

void append_metrics(Json& json, const MetricKey& key, const MetricSeries& series,
                    const Axis& axis) {
  json.open('{').field("service", to_utf8(series.service)).field("pid", std::get<0>(key));
  json.field("start_ticks", std::get<1>(key)).field("comm", to_utf8(series.comm));
  json.key("points").open('{').key("time").open('[');
  for (const auto& [position, point] : series.points)
    json.value(seconds(axis.at(position)));
  json.close(']');
  for (size_t metric = 0; metric < kMetrics; metric++) {
    json.key(kMetricNames.at(metric)).open('[');
    for (const auto& [position, point] : series.points)
      json.value(point.sums.at(metric) / point.count);
    json.close(']');
  }
  json.close('}').close('}');
}

} // namespace

Response processes(Store& store, const Request& request, const QueryLimits& limits) {
  const auto selector = parse_selector(request.query, time_now());
  if (!selector)
    return error_response(400, request, selector.error());
  const auto limit = parse_count(request.query, "limit", kDefaultSeries, 1, kMostSeries);
  if (!limit)
    return error_response(400, request, limit.error());
  auto reader = store.reader();
  if (!reader)
    return error_response(500, request, reader.error());
  const Axis axis(selector->from, selector->to, 10 * kSecond);
  Processes found(axis);
  auto done = (*reader)->for_each(*selector, [&](const IndexRow& row, const Series& series) {
    found.add(row, series);
    return check(limits);
  });
  const auto events = (*reader)->events(selector->from, selector->to, kMostEvents);
  if (!done || !events)
    return error_response(500, request, !done ? done.error() : events.error());
  const auto sorted = found.sorted();
  Json json;
  json.open('{').field("from", seconds(selector->from)).field("to", seconds(selector->to));
  json.field("step", seconds(axis.step())).key("series").open('[');
  for (size_t i = 0; i < sorted.size() && i < *limit; i++)
    append_process(json, *sorted[i], axis);
  json.close(']').field("omitted", sorted.size() - std::min<size_t>(sorted.size(), *limit));
  append_events(json, *events);
  json.close('}');
  return json_response(json.take());
}

Response process_metrics(Store& store, const Request& request, const QueryLimits& limits) {
  const auto selector = parse_selector(request.query, time_now());
  if (!selector)
    return error_response(400, request, selector.error());
  const auto limit = parse_count(request.query, "limit", kDefaultSeries, 1, kMostSeries);
  if (!limit)
    return error_response(400, request, limit.error());
  auto reader = store.reader();
  if (!reader)
    return error_response(500, request, reader.error());
  auto chosen = choose(**reader, *selector, limits, *limit);
  if (!chosen)
    return error_response(500, request, chosen.error());
  const Axis axis(selector->from, selector->to, 10 * kSecond);
  auto done = for_processes(
      **reader, *selector, limits, [&](TimeNanos time, const auto& process, double per_second) {
        const auto found = chosen->find({process.pid(), process.start_ticks()});
        if (found == chosen->end())
          return;
        found->second.service = process.service();
        found->second.comm = process.comm();
        axis.spread(time, 1, [&](size_t position, double) {
          MetricSeries::Point& point = found->second.points[position];
          const MetricValues values = values_of(process, per_second);
          for (size_t metric = 0; metric < kMetrics; metric++)
            point.sums.at(metric) += values.at(metric);
          point.count++;
        });
      });
  if (!done)
    return error_response(500, request, done.error());
  Json json;
  json.open('{').field("step", seconds(axis.step())).key("series").open('[');
  std::vector<std::pair<double, MetricKey>> order;
  order.reserve(chosen->size());
  for (const auto& [key, series] : *chosen)
    order.emplace_back(series.cpu, key);
  std::ranges::sort(order, std::greater());
  for (const auto& [cpu, key] : order)
    append_metrics(json, key, chosen->at(key), axis);
  json.close(']').close('}');
  return json_response(json.take());
}

Response label_names(Store& store, const Request& request, const QueryLimits&) {
  auto reader = store.reader();
  const auto names = reader ? (*reader)->label_names()
                            : Result<std::vector<std::string>>(std::unexpected(reader.error()));
  if (!names)
    return error_response(500, request, names.error());
  Json json;
  json.open('{').key("labels").open('[');
  for (const std::string& name : *names)
    json.value(name);
  json.close(']').close('}');
  return json_response(json.take());
}

Response label_values(Store& store, const Request& request, const QueryLimits&) {
  constexpr std::string_view kBefore = "/api/v1/label/";
  constexpr std::string_view kBehind = "/values";
  const auto selector = parse_selector(request.query, time_now());
  if (!selector)
    return error_response(400, request, selector.error());
  const std::string name = to_utf8(
      request.path.substr(kBefore.size(), request.path.size() - kBefore.size() - kBehind.size()));
  auto reader = store.reader();
  const auto values = reader
                          ? (*reader)->label_values(name, selector->from, selector->to, kMostValues)
                          : Result<std::vector<std::string>>(std::unexpected(reader.error()));
  if (!values)
    return error_response(500, request, values.error());
  Json json;
  json.open('{').key("values").open('[');
  for (const std::string& value : *values)
    json.value(value);
  json.close(']').close('}');
  return json_response(json.take());
}

} // namespace pprofd::serve
