#include "daemon/unwind/table_service.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pprofd {

namespace {

using std::chrono::steady_clock;

// What may be done ahead of samples: so much at once, and this share (1 / n) of the time.
constexpr std::chrono::milliseconds kBackgroundBurst{200};
constexpr int64_t kBackgroundShare = 50;
// How often the thread looks whether it may go on.
constexpr std::chrono::milliseconds kBudgetInterval{20};
// So many files are held open for the thread, and as many that samples wait for.
constexpr ptrdiff_t kJobsAhead = 8;
// Longer than any program of the kernel's runs.
constexpr std::chrono::milliseconds kSettleInterval{50};
constexpr size_t kKnownRules = 4096; // a power of two

} // namespace

TableService::TableService(TableStore& store, Compile compile, Open open,
                           std::chrono::milliseconds keep_unused)
    : store_(&store), compile_(std::move(compile)), open_(std::move(open)),
      keep_unused_(keep_unused), known_(kKnownRules), started_(steady_clock::now()),
      settled_(started_), forgot_(started_),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

TableService::~TableService() = default;

uint32_t TableService::table_of(uint64_t file_id) {
  const auto [known, is_new] = table_of_.try_emplace(file_id, next_table_);
  if (is_new) {
    entries_[next_table_] = {.file_id = file_id, .unused_since = steady_clock::now()};
    waiting_.push_back(next_table_++);
  }
  return known->second;
}

void TableService::add_user(uint32_t table) {
  if (entry(table).users++ == 0)
    store_->set_mapped(table, true);
}

void TableService::remove_user(uint32_t table) {
  Entry& gone = entry(table);
  if (--gone.users != 0)
    return;
  gone.unused_since = steady_clock::now();
  store_->set_mapped(table, false);
}

void TableService::demand(uint32_t table) {
  Entry& wanted = entry(table);
  wanted.demanded = wanted.demanded || wanted.state == TableState::pending;
}

void TableService::touch(uint32_t table) {
  if (!std::exchange(entry(table).touched, true))
    touched_.push_back(table);
}

TableState TableService::state(uint32_t table) const {
  return entry(table).state;
}

unwind_lookup TableService::find(uint32_t table, uint64_t offset, unwind_found& found) {
  switch (entry(table).state) {
  case TableState::ready:
    break;
  case TableState::failed:
    return UNWIND_NO_UNWIND_INFO;
  case TableState::pending:
    demand(table);
    return UNWIND_PENDING;
  }
  Known& known = place_of(table, offset);
  if (known.table == table && known.offset == offset) {
    found = known.rule;
    return UNWIND_FOUND;
  }
  const unwind_lookup result = store_->find(table, offset, found);
  if (result == UNWIND_FOUND)
    known = {.table = table, .offset = offset, .rule = found};
  if (result == UNWIND_PENDING) {
    take_evicted(); // it went a moment ago: the next tick makes it again
    demand(table);
  }
  return result;
}

TableService::Known& TableService::place_of(uint32_t table, uint64_t offset) {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  return known_[((offset ^ (uint64_t{table} << 32)) * kGolden >> 32) % kKnownRules];
}

bool TableService::tick() {
  pass_on_touches();
  const bool news = take_done();
  take_evicted();
  const auto now = steady_clock::now();
  if (now - forgot_ >= keep_unused_ / 16)
    forget_unused(now);
  hand_out();
  if (now - settled_ >= kSettleInterval) {
    settled_ = now;
    store_->settle();
  }
  return news;
}

void TableService::pass_on_touches() {
  for (const uint32_t table : std::exchange(touched_, {})) {
    if (const auto known = entries_.find(table); known != entries_.end()) {
      known->second.touched = false;
      store_->touch(table);
    }
  }
}

bool TableService::take_done() {
  std::vector<Done> done;
  {
    const std::scoped_lock lock(mutex_);
    done = std::exchange(done_, {});
  }
  for (const auto& [table, ready] : done) {
    Entry& made = entry(table);
    made.state = ready ? TableState::ready : TableState::failed;
    made.demanded = false;
    made.in_hand = false;
  }
  return !done.empty();
}

void TableService::take_evicted() {
  for (const uint32_t table : store_->take_evicted()) {
    const auto known = entries_.find(table);
    if (known == entries_.end() || known->second.state != TableState::ready)
      continue;
    known->second.state = TableState::pending;
    known->second.demanded = false;
    waiting_.push_back(table);
  }
}

void TableService::forget_unused(steady_clock::time_point now) {
  forgot_ = now;
  const size_t forgotten = std::erase_if(entries_, [&](const auto& item) {
    const auto& [table, each] = item;
    if (each.users != 0 || each.in_hand || now - each.unused_since < keep_unused_)
      return false;
    store_->remove(table);
    table_of_.erase(each.file_id);
    return true;
  });
  if (forgotten != 0)
    std::erase_if(waiting_, [this](uint32_t table) { return !entries_.contains(table); });
}

bool TableService::background_may_work() const {
  const auto allowed = kBackgroundBurst + ((steady_clock::now() - started_) / kBackgroundShare);
  return background_ < allowed;
}

// Those that samples wait for first, then those with most users; without users, none.
std::optional<uint32_t> TableService::next_file() const {
  const auto rank = [this](uint32_t table) {
    const Entry& each = entry(table);
    return std::tuple(each.demanded, each.users);
  };
  const auto best = std::ranges::max_element(waiting_, {}, rank);
  if (best == waiting_.end() || rank(*best) == std::tuple(false, 0U))
    return std::nullopt;
  return *best;
}

void TableService::hand_out() {
  const std::scoped_lock lock(mutex_);
  for (Job& job : jobs_)
    job.demanded = job.demanded || entry(job.table).demanded;
  while (const auto table = next_file()) {
    Entry& next = entry(*table);
    const bool may = next.demanded || background_may_work();
    const auto ahead =
        next.demanded ? std::ranges::count_if(jobs_, &Job::demanded) : std::ssize(jobs_);
    if (!may || ahead >= kJobsAhead)
      break;
    std::erase(waiting_, *table);
    next.in_hand = true;
    if (Result<File> file = open_(next.file_id)) {
      jobs_.push_back({*table, std::move(*file), next.demanded});
    } else {
      done_.push_back({*table, false});
      ++stats_.failed;
    }
  }
  changed_.notify_all();
}

// The first job that samples wait for, or else the first as soon as it may be done; nullopt: the
// service ends.
std::optional<TableService::Job> TableService::await_job(std::unique_lock<std::mutex>& lock,
                                                         const std::stop_token& stop) {
  const auto next = [this] {
    const auto demanded = std::ranges::find_if(jobs_, &Job::demanded);
    return demanded == jobs_.end() && background_may_work() ? jobs_.begin() : demanded;
  };
  const auto may_begin = [&] { return next() != jobs_.end(); };
  while (!stop.stop_requested()) {
    if (const auto first = next(); first != jobs_.end()) {
      Job job = std::move(*first);
      jobs_.erase(first);
      return job;
    }
    if (jobs_.empty())
      changed_.wait(lock, stop, [this] { return !jobs_.empty(); });
    else
      changed_.wait_for(lock, stop, kBudgetInterval, may_begin);
  }
  return std::nullopt;
}

void TableService::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (const auto next = await_job(lock, stop)) {
    const Job& job = *next;
    busy_ = true;
    lock.unlock();
    const auto began = steady_clock::now();
    const bool ready = make(job);
    const std::chrono::nanoseconds took = steady_clock::now() - began;
    lock.lock();
    busy_ = false;
    done_.push_back({job.table, ready});
    stats_.busy += took;
    background_ += job.demanded ? std::chrono::nanoseconds(0) : took;
    ++(ready ? stats_.compiled : stats_.failed);
    changed_.notify_all();
  }
}

bool TableService::make(const Job& job) {
  const Result<CompiledRows> rows = compile_(job.file);
  return rows && store_->install(job.table, *rows);
}

void TableService::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [this] { return !done_.empty() || (jobs_.empty() && !busy_); });
}

TableService::Stats TableService::stats() const {
  const std::scoped_lock lock(mutex_);
  Stats stats = stats_;
  stats.files = entries_.size();
  return stats;
}

} // namespace pprofd
