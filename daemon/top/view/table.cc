#include "daemon/top/view/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "daemon/profile/table/short_name.h"

namespace pprofd::top {

namespace {

constexpr size_t kObjectColumns = 24;
constexpr size_t kNameColumns = 15; // the kernel's limit
// Where in a table of one function its callers and callees come.
constexpr std::string_view kIsCaller = "caller";
constexpr std::string_view kIsCallee = "callee";

double share_of(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : double(part) / double(whole);
}

std::string percent(double share) {
  return fmt::format("{:.2f}", 100 * share);
}

std::string process_key(const ProcessIdentity& identity) {
  return fmt::format("{}-{}", identity.pid, identity.start_ticks);
}

std::string process_name(const std::string& comm, pid_t pid) {
  return fmt::format("{} ({})", comm, pid);
}

class TableMaker {
public:
  TableMaker(const LiveSamples& samples, bool cpu_time, const Subject& subject,
             const Settings& settings, const Filter& filter)
      : samples_(samples), cpu_time_(cpu_time), subject_(subject), settings_(settings),
        filter_(filter) {}

  Table make() {
    if (subject_.function)
      neighbours_table(*subject_.function);
    else if (subject_.view == View::kProcesses)
      processes_table();
    else if (subject_.view == View::kThreads)
      threads_table();
    else
      functions_table();
    return std::move(table_);
  }

private:
  [[nodiscard]] std::string shown_name(const FunctionName& function) const {
    return settings_.long_names ? function.name : short_name(function.name);
  }

  [[nodiscard]] std::string of_scope() const {
    return subject_.scope_name.empty() ? "" : " of " + subject_.scope_name;
  }

  [[nodiscard]] Subject around(const FunctionName& function) const {
    Subject subject = subject_;
    subject.view = View::kFunctions;
    subject.function = function;
    return subject;
  }

  [[nodiscard]] bool is_listed(const FunctionName& function) const {
    return function.kernel ? settings_.kernel : settings_.user;
  }

  // The text that a row is searched by.
  void add(Row row, std::string_view searched) {
    if (filter_.matches(searched))
      table_.rows.push_back(std::move(row));
    else
      ++table_.hidden;
  }

  void add_function(const FunctionName& function, std::vector<std::string> numbers, double share,
                    std::string key_prefix) {
    numbers.push_back(function.object);
    numbers.push_back(shown_name(function));
    add({.key = std::move(key_prefix) + function.name + '\0' + function.object,
         .cells = std::move(numbers),
         .opens = around(function),
         .share = share},
        function.name + ' ' + function.object);
  }

  void functions_table() {
    FunctionList list = function_figures(samples_, subject_.scope);
    const bool by_self = settings_.order == Order::kSelf;
    table_.title = fmt::format("Functions{}, by {}", of_scope(), by_self ? "self" : "total");
    table_.columns = {{.title = "SELF%", .align = Align::kRight, .gives_way = by_self ? 0U : 3U},
                      {.title = "TOTAL%", .align = Align::kRight, .gives_way = by_self ? 3U : 0U},
                      {.title = "OBJECT", .gives_way = 4, .most = kObjectColumns},
                      {.title = "FUNCTION"}};
    const NameTable& names = samples_.names();
    std::ranges::sort(list.functions, {}, [&](const FunctionFigures& each) {
      const auto first = by_self ? each.self : each.total;
      const auto second = by_self ? each.total : each.self;
      const FunctionName& name = names[each.function];
      return std::tuple(-first, -second, std::string_view(name.name),
                        std::string_view(name.object));
    });
    for (const FunctionFigures& each : list.functions) {
      if (!is_listed(names[each.function]))
        continue;
      const double self = share_of(each.self, list.whole);
      const double total = share_of(each.total, list.whole);
      add_function(names[each.function], {percent(self), percent(total)}, by_self ? self : total,
                   {});
    }
  }

  void neighbours_table(const FunctionName& function) {
    table_.title = fmt::format("{}{}: callers, self, callees", shown_name(function), of_scope());
    table_.columns = {{.title = "SHARE%", .align = Align::kRight},
                      {.title = "", .gives_way = 1},
                      {.title = "OBJECT", .gives_way = 4, .most = kObjectColumns},
                      {.title = "FUNCTION"}};
    const auto id = samples_.names().find(function);
    if (!id)
      return;
    const Neighbours found = neighbours(samples_, subject_.scope, *id);
    add_neighbours(found.callers, found.whole, kIsCaller);
    const double total = share_of(found.self.total, found.whole);
    table_.rows.push_back(
        {.key = "self",
         .cells = {percent(total),
                   fmt::format("self {}", percent(share_of(found.self.self, found.whole))),
                   function.object, shown_name(function)},
         .opens = {},
         .marked = true,
         .share = total});
    add_neighbours(found.callees, found.whole, kIsCallee);
  }

  void add_neighbours(std::vector<Neighbour> list, int64_t whole, std::string_view which) {
    const NameTable& names = samples_.names();
    std::ranges::sort(list, {}, [&](const Neighbour& each) {
      return std::tuple(-each.value, std::string_view(names[each.function].name),
                        std::string_view(names[each.function].object));
    });
    for (const Neighbour& each : list) {
      const double share = share_of(each.value, whole);
      add_function(names[each.function], {percent(share), std::string(which)}, share,
                   std::string(which) + ' ');
    }
  }

  // CPU% as top has it, of one CPU; or else the share of all.
  [[nodiscard]] std::string cpu(int64_t value) const {
    const auto duration = samples_.duration().count();
    return fmt::format("{:.1f}", 100 * share_of(value, duration));
  }

  void begin_shares() {
    if (cpu_time_)
      table_.columns.push_back({.title = "CPU%", .align = Align::kRight});
    table_.columns.push_back(
        {.title = "SHARE%", .align = Align::kRight, .gives_way = cpu_time_ ? 3U : 0U});
  }

  [[nodiscard]] std::vector<std::string> shares(int64_t value, double share) const {
    if (cpu_time_)
      return {cpu(value), percent(share)};
    return {percent(share)};
  }

  void processes_table() {
    table_.title = "Processes, by CPU time";
    if (!cpu_time_)
      table_.title = "Processes, by share";
    begin_shares();
    std::ranges::copy(
        std::vector<Column>{
            {.title = "INCOMPLETE%", .align = Align::kRight, .gives_way = 5},
            {.title = "THREADS", .align = Align::kRight, .gives_way = 4},
            {.title = "PID", .align = Align::kRight, .gives_way = 1},
            {.title = "COMMAND", .most = kNameColumns * 4}, // control characters take four
            {.title = "EXECUTABLE", .gives_way = 2}},
        std::back_inserter(table_.columns));
    std::vector<ProcessFigures> list = process_figures(samples_);
    std::ranges::sort(
        list, {}, [](const ProcessFigures& each) { return std::pair(-each.value, each.identity); });
    const int64_t whole = whole_value(samples_);
    for (const ProcessFigures& each : list)
      add_process(each, share_of(each.value, whole));
  }

  void add_process(const ProcessFigures& process, double share) {
    const std::string pid = std::to_string(process.identity.pid);
    const uint64_t written = process.accounting.written();
    const uint64_t incomplete = written - process.accounting.complete();
    std::vector<std::string> cells = shares(process.value, share);
    cells.push_back(percent(share_of(int64_t(incomplete), int64_t(written))));
    cells.push_back(std::to_string(process.threads));
    cells.push_back(pid);
    cells.push_back(process.comm);
    cells.push_back(process.executable);
    Subject opens{.view = View::kFunctions,
                  .scope = {.process = process.identity, .tid = {}},
                  .scope_name = process_name(process.comm, process.identity.pid),
                  .function = {}};
    add({.key = process_key(process.identity),
         .cells = std::move(cells),
         .opens = std::move(opens),
         .share = share},
        pid + ' ' + process.comm + ' ' + process.executable);
  }

  void threads_table() {
    table_.title = cpu_time_ ? "Threads, by CPU time" : "Threads, by share";
    begin_shares();
    std::ranges::copy(
        std::vector<Column>{{.title = "PID", .align = Align::kRight, .gives_way = 2},
                            {.title = "TID", .align = Align::kRight, .gives_way = 1},
                            {.title = "COMMAND", .gives_way = 4, .most = kNameColumns * 4},
                            {.title = "THREAD"}},
        std::back_inserter(table_.columns));
    std::vector<ThreadFigures> list = thread_figures(samples_);
    std::ranges::sort(list, {}, [](const ThreadFigures& each) {
      return std::tuple(-each.value, each.identity, each.tid);
    });
    const int64_t whole = whole_value(samples_);
    for (const ThreadFigures& each : list)
      add_thread(each, share_of(each.value, whole));
  }

  void add_thread(const ThreadFigures& thread, double share) {
    const std::string pid = std::to_string(thread.identity.pid);
    const std::string tid = std::to_string(thread.tid);
    std::vector<std::string> cells = shares(thread.value, share);
    for (const std::string& cell : {pid, tid, thread.comm, thread.name})
      cells.push_back(cell);
    Subject opens{.view = View::kFunctions,
                  .scope = {.process = thread.identity, .tid = thread.tid},
                  .scope_name = fmt::format("thread {} ({}) in {}", thread.name, thread.tid,
                                            process_name(thread.comm, thread.identity.pid)),
                  .function = {}};
    add({.key = process_key(thread.identity) + ' ' + tid,
         .cells = std::move(cells),
         .opens = std::move(opens),
         .share = share},
        pid + ' ' + tid + ' ' + thread.name + ' ' + thread.comm);
  }

  const LiveSamples& samples_;
  bool cpu_time_;
  const Subject& subject_;
  const Settings& settings_;
  const Filter& filter_;
  Table table_;
};

} // namespace

Table make_table(const LiveSamples& samples, bool cpu_time, const Subject& subject,
                 const Settings& settings, const Filter& filter) {
  return TableMaker(samples, cpu_time, subject, settings, filter).make();
}

} // namespace pprofd::top
