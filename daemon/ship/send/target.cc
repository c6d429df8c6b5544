#include "daemon/ship/send/target.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pprofd::ship {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kParallel = 4;
constexpr size_t kMostHeld = 64;      // deliveries
constexpr int kMostStarts = 64;       // in one step: others want their turn
constexpr unsigned kStrikesOut = 10;  // with their pauses ten minutes
constexpr unsigned kStrikesApart = 2; // for a batch
constexpr seconds kLongestPause{120};

// Answers that some backends give for ever to what they will never take.
bool may_be_meant_for_ever(const Reply& reply) {
  return reply.status == 500 || reply.status == 501 || (reply.status == 429 && !reply.retry_after);
}

} // namespace

Target::Target(Parts parts) : parts_(std::move(parts)), random_(parts_.seed) {
  if (undelivered() > 0)
    batch_due_ = Clock::now(); // it has waited in the process before
}

void Target::add(uint64_t id, std::string_view bytes) {
  const auto added = parts_.spool.append(id, bytes);
  if (added) {
    if (!*added)
      return;
    ++unsynced_;
    batch_bytes_ += bytes.size();
    if (!batch_due_)
      batch_due_ = Clock::now() + parts_.limits.batch_wait;
    return;
  }
  ++counts_.dropped;
  parts_.note({"ship to " + parts_.name + ": " + added.error().what, added.error().why,
               added.error().hint});
}

void Target::sync() {
  const uint64_t profiles = std::exchange(unsynced_, 0);
  const auto synced = parts_.spool.sync();
  if (synced)
    return;
  counts_.dropped += profiles;
  parts_.note({"ship to " + parts_.name + ": " + synced.error().what, synced.error().why, ""});
}

bool Target::may_start(Clock::time_point now) const {
  return now >= open_until_ && now >= rate_free_ && in_flight_ < (failing_ ? 1 : kParallel);
}

void Target::step(Clock::time_point now) {
  forget_evicted();
  for (int starts = 0; starts < kMostStarts && may_start(now); ++starts) {
    Delivery* const delivery = pick(now);
    if (delivery == nullptr)
      break;
    start(*delivery, now);
  }
  advance();
  say_skipped();
}

void Target::say_skipped() {
  const uint64_t skipped = parts_.spool.figures().skipped;
  const uint64_t more = skipped - std::exchange(skipped_, skipped);
  if (more != 0)
    parts_.note(
        {"ship to " + parts_.name,
         std::to_string(more) + " bytes of its spool were no whole records and are left out",
         "a crash leaves an unfinished one; more than that is the disk's or somebody else's"});
}

// The oldest that waits. While nothing is taken, the one that was tried least: it may be one
// profile that the backend stumbles over.
Target::Delivery* Target::pick(Clock::time_point now) {
  Delivery* best = nullptr;
  for (Delivery& each : deliveries_) {
    if (each.in_flight || now < each.not_before)
      continue;
    if (best == nullptr || (failing_ && each.tries < best->tries))
      best = &each;
  }
  const bool try_another = best == nullptr || (failing_ && best->tries > 0);
  if (try_another && deliveries_.size() < kMostHeld)
    if (Delivery* const fresh = take_next(now))
      return fresh;
  return best;
}

std::optional<SpoolRecord> Target::next_record() {
  if (peeked_)
    return std::exchange(peeked_, std::nullopt);
  return parts_.spool.next();
}

// Profiles in no delivery yet.
uint64_t Target::undelivered() const {
  return parts_.spool.figures().records + (peeked_ ? 1 : 0);
}

bool Target::batch_is_full() const {
  return undelivered() >= parts_.limits.batch_profiles || batch_bytes_ >= parts_.limits.batch_bytes;
}

Target::Delivery* Target::take_next(Clock::time_point now) {
  if (batch_due_ && now < *batch_due_ && !batch_is_full())
    return nullptr;
  auto record = next_record();
  if (!record)
    return nullptr;
  Delivery& made = deliveries_.emplace_back();
  made.key = next_key_++;
  uint64_t bytes = record->bytes;
  made.records.push_back(*record);
  while (made.records.size() < parts_.limits.batch_profiles && (record = next_record())) {
    if (bytes + record->bytes > parts_.limits.batch_bytes) {
      peeked_ = record;
      break;
    }
    bytes += record->bytes;
    made.records.push_back(*record);
  }
  batch_bytes_ -= std::min(bytes, batch_bytes_);
  if (undelivered() == 0)
    batch_due_.reset();
  return &made;
}

Result<std::vector<serve::WindowProfile>> Target::profiles_of(const Delivery& delivery) const {
  std::vector<serve::WindowProfile> profiles;
  for (const SpoolRecord& record : delivery.records) {
    const auto bytes = parts_.spool.read(record);
    if (!bytes)
      return std::unexpected(bytes.error());
    if (!profiles.emplace_back().ParseFromString(*bytes))
      return fail("read the spool", "what it has is no profile");
  }
  return profiles;
}

// Makes the parcels. False: the delivery is gone.
bool Target::prepare(Delivery& delivery) {
  const auto place = find(delivery.key);
  const auto profiles = profiles_of(delivery);
  if (!profiles) {
    if (delivery.records.size() > 1)
      split(place);
    else
      drop(place);
    return false;
  }
  auto parcels = parts_.encode(*profiles);
  if (!parcels) {
    if (delivery.records.size() > 1)
      split(place);
    else
      refuse(place, text_of(parcels.error()));
    return false;
  }
  delivery.parcels.assign(std::make_move_iterator(parcels->begin()),
                          std::make_move_iterator(parcels->end()));
  while (!delivery.parcels.empty() &&
         std::cmp_greater(delivery.taken, parcels->size() - delivery.parcels.size()))
    delivery.parcels.pop_front();
  if (!delivery.parcels.empty())
    return true;
  counts_.sent += delivery.records.size();
  deliveries_.erase(place);
  return false;
}

void Target::start(Delivery& delivery, Clock::time_point now) {
  if (delivery.parcels.empty() && !prepare(delivery))
    return;
  Parcel parcel = delivery.parcels.front();
  if (parts_.limits.rate != 0)
    rate_free_ = std::max(now, rate_free_) + milliseconds(parcel.cost * 1000 / parts_.limits.rate);
  delivery.in_flight = true;
  ++in_flight_;
  if (delivery.tries++ > 0)
    counts_.retried += delivery.records.size();
  parts_.send(std::move(parcel),
              [this, key = delivery.key](const Reply& reply) { answered(key, reply); });
}

Target::Deliveries::iterator Target::find(uint64_t key) {
  return std::ranges::find(deliveries_, key, &Delivery::key);
}

void Target::answered(uint64_t key, const Reply& reply) {
  const auto delivery = find(key);
  if (delivery == deliveries_.end())
    return;
  delivery->in_flight = false;
  --in_flight_;
  switch (parts_.verdict(reply)) {
  case Verdict::kTaken:
    close_circuit();
    return taken(delivery);
  case Verdict::kRefused:
    close_circuit();
    if (delivery->records.size() > 1)
      return split(delivery);
    return refuse(delivery, reason_of(reply, parts_.secrets));
  case Verdict::kNotNow:
  case Verdict::kNotLikeThis:
    return failed(delivery, reply);
  }
}

void Target::taken(Deliveries::iterator delivery) {
  ++taken_;
  ++delivery->taken;
  delivery->tries = 0;
  delivery->parcels.pop_front();
  if (!delivery->parcels.empty())
    return;
  counts_.sent += delivery->records.size();
  deliveries_.erase(delivery);
}

void Target::failed(Deliveries::iterator delivery, const Reply& reply) {
  const auto now = Clock::now();
  delivery->parcels.clear();
  const bool alone = strike(*delivery, reply);
  open_circuit(reply, now);
  if (!alone)
    return;
  delivery->not_before =
      now + std::min(seconds(int64_t{1} << std::min(delivery->strikes, 10U)), kLongestPause);
  if (delivery->records.size() > 1 && delivery->strikes >= kStrikesApart)
    split(delivery);
  else if (delivery->strikes >= kStrikesOut)
    refuse(delivery, "given up after many tries while others were taken: " +
                         reason_of(reply, parts_.secrets));
}

// Whether it seems to be this delivery's own fault.
bool Target::strike(Delivery& delivery, const Reply& reply) const {
  const bool others_taken = delivery.tries > 1 && taken_ > delivery.taken_elsewhere;
  delivery.taken_elsewhere = taken_;
  if (!others_taken || !may_be_meant_for_ever(reply))
    return false;
  ++delivery.strikes;
  return true;
}

void Target::open_circuit(const Reply& reply, Clock::time_point now) {
  const bool known = now < open_until_; // of requests that were under way together
  if (!known || reply.retry_after)
    open_until_ = std::max(
        open_until_, now + back_off_.failed(reply.retry_after, static_cast<uint32_t>(random_())));
  if (std::exchange(failing_, true))
    return;
  const bool to_be_mended = parts_.verdict(reply) == Verdict::kNotLikeThis;
  parts_.note({"ship to " + parts_.name, reason_of(reply, parts_.secrets),
               to_be_mended
                   ? "check its url, credentials and certificates; profiles wait in the spool"
                   : "profiles wait in the spool and are sent again"});
}

void Target::close_circuit() {
  failing_ = false;
  back_off_.succeeded();
}

void Target::refuse(Deliveries::iterator delivery, const std::string& reason) {
  for (const SpoolRecord& record : delivery->records)
    set_aside(record, reason);
  counts_.failed += delivery->records.size();
  parts_.note({"ship to " + parts_.name + ": a profile was refused", reason,
               "it is kept in the spool's folder refused"});
  deliveries_.erase(delivery);
}

void Target::set_aside(const SpoolRecord& record, const std::string& reason) const {
  const auto bytes = parts_.spool.read(record);
  serve::WindowProfile profile;
  if (!bytes || !profile.ParseFromString(*bytes))
    return;
  if (auto added = parts_.refused.add(profile.time_nanos(), record.id, profile.profile(), reason);
      !added)
    parts_.note({"ship to " + parts_.name + ": " + added.error().what, added.error().why, ""});
}

void Target::split(Deliveries::iterator delivery) {
  for (const SpoolRecord& record : delivery->records) {
    Delivery one;
    one.key = next_key_++;
    one.records.push_back(record);
    deliveries_.insert(delivery, std::move(one));
  }
  deliveries_.erase(delivery);
}

void Target::drop(Deliveries::iterator delivery) {
  counts_.dropped += delivery->records.size();
  deliveries_.erase(delivery);
}

void Target::forget_evicted() {
  for (auto at = deliveries_.begin(); at != deliveries_.end();) {
    const auto each = at++;
    if (each->in_flight)
      continue;
    counts_.dropped += std::erase_if(
        each->records, [this](const SpoolRecord& record) { return !parts_.spool.has(record); });
    if (each->records.empty())
      deliveries_.erase(each);
  }
  if (peeked_ && !parts_.spool.has(*peeked_)) {
    ++counts_.dropped;
    peeked_.reset();
  }
}

void Target::advance() {
  SpoolPosition done = peeked_ ? peeked_->at : parts_.spool.position();
  for (const Delivery& each : deliveries_)
    done = std::min(done, each.records.front().at);
  parts_.spool.done_before(done);
}

void Target::hurry(Clock::time_point now) {
  if (parts_.limits.batch_wait.count() == 0)
    return;
  batch_due_ = now;
  step(now);
}

std::optional<Target::Clock::time_point> Target::wake() const {
  if (in_flight_ >= (failing_ ? 1 : kParallel))
    return std::nullopt;
  std::optional<Clock::time_point> earliest;
  const auto consider = [&](Clock::time_point when) {
    earliest = earliest ? std::min(*earliest, when) : when;
  };
  for (const Delivery& each : deliveries_)
    if (!each.in_flight)
      consider(each.not_before);
  if (deliveries_.size() < kMostHeld && undelivered() > 0)
    consider(batch_due_ && !batch_is_full() ? *batch_due_ : Clock::time_point::min());
  if (!earliest)
    return std::nullopt;
  return std::max({*earliest, open_until_, rate_free_});
}

Target::Figures Target::figures() const {
  Figures figures = counts_;
  const Spool::Figures spool = parts_.spool.figures();
  figures.dropped += spool.dropped;
  figures.spool_bytes = spool.bytes;
  figures.up = !failing_;
  return figures;
}

} // namespace pprofd::ship
