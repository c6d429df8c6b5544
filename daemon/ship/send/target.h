// One target: profiles that concern it go into its spool, and from there to its backend, a batch a
// request. Knows neither HTTP nor a backend's format.
//
//   - A failure that may pass (no answer, 5xx, 429) opens the circuit: nothing is sent until the
//     back-off is over, then one request at a time until one is taken. Nothing is lost meanwhile
//     but what the spool has no room for.
//   - A refusal for good (400, 413, 422) of a batch has its profiles sent one by one; of one
//   profile,
//     has it set aside with the reason. So has an error that comes again and again for one profile
//     alone while others are taken: some backends say 500 or 429 for what they will never take.
//   - What is taken may be sent again after a crash, with the same ids.
//
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "daemon/net/back_off.h"
#include "daemon/ship/send/reply.h"
#include "daemon/ship/spool/refused.h"
#include "daemon/ship/spool/spool.h"
#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

// What some profiles are sent as, the same for the same profiles; none: there is nothing to send.
// Errors: the first of them can't be sent to this backend at all.
using Encode =
    std::function<Result<std::vector<Parcel>>(std::span<const serve::WindowProfile> profiles)>;

struct TargetLimits {
  size_t batch_profiles = 1;
  uint64_t batch_bytes = 0; // of profiles as they are spooled; one alone may have more
  uint64_t rate = 0;        // bytes a second, by Parcel::cost; 0: no limit
  // How long what is there may wait for more, to make one batch of it.
  std::chrono::nanoseconds batch_wait{0};
};

class Target {
public:
  using Clock = std::chrono::steady_clock;
  struct Figures {
    uint64_t sent = 0;    // profiles that the backend has taken
    uint64_t failed = 0;  // set aside
    uint64_t retried = 0; // that were sent again
    uint64_t dropped = 0; // that the spool had no room for, or the disk no place
    uint64_t spool_bytes = 0;
    bool up = true; // false: the last answer was no good one
  };
  struct Parts {
    std::string name;
    TargetLimits limits;
    Spool spool;
    RefusedFolder refused;
    Encode encode;
    Send send;
    std::function<Verdict(const Reply&)> verdict = verdict_of;
    std::function<void(const Error&)> note; // what a user should know
    std::vector<std::string> secrets;       // not to be in any note
    uint32_t seed = 0;
  };

  explicit Target(Parts parts);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() = default;

  // `bytes`: the serialized WindowProfile. Safe after sync().
  void add(uint64_t id, std::string_view bytes);
  void sync();

  // Sends what may be sent now; called after add(), after replies, and at wake().
  void step(Clock::time_point now);
  // Sends what waits for more, for the process is to end.
  void hurry(Clock::time_point now);
  // Writes down what is done, before the process ends.
  void save() { advance(); }
  // When step() has something to do, without replies; nothing: when something comes.
  [[nodiscard]] std::optional<Clock::time_point> wake() const;
  [[nodiscard]] size_t in_flight() const { return in_flight_; }
  [[nodiscard]] Figures figures() const;

private:
  // Profiles that are sent together.
  struct Delivery {
    uint64_t key = 0;
    std::vector<SpoolRecord> records;
    std::deque<Parcel> parcels; // still to be sent, once they are made
    size_t taken = 0;           // parcels
    bool in_flight = false;
    unsigned tries = 0;
    unsigned strikes = 0;         // failures while others were taken
    uint64_t taken_elsewhere = 0; // taken_ at the last failure
    Clock::time_point not_before;
  };
  using Deliveries = std::list<Delivery>;

  [[nodiscard]] bool may_start(Clock::time_point now) const;
  [[nodiscard]] uint64_t undelivered() const;
  [[nodiscard]] bool batch_is_full() const;
  Delivery* pick(Clock::time_point now);
  Delivery* take_next(Clock::time_point now);
  std::optional<SpoolRecord> next_record();
  void start(Delivery& delivery, Clock::time_point now);
  Result<std::vector<serve::WindowProfile>> profiles_of(const Delivery& delivery) const;
  bool prepare(Delivery& delivery);
  void answered(uint64_t key, const Reply& reply);
  void taken(Deliveries::iterator delivery);
  void failed(Deliveries::iterator delivery, const Reply& reply);
  bool strike(Delivery& delivery, const Reply& reply) const;
  void open_circuit(const Reply& reply, Clock::time_point now);
  void close_circuit();
  void refuse(Deliveries::iterator delivery, const std::string& reason);
  void set_aside(const SpoolRecord& record, const std::string& reason) const;
  void split(Deliveries::iterator delivery);
  void drop(Deliveries::iterator delivery);
  void forget_evicted();
  void advance();
  void say_skipped();
  [[nodiscard]] Deliveries::iterator find(uint64_t key);

  Parts parts_;
  std::mt19937 random_;
  Deliveries deliveries_; // in the spool's order
  std::optional<SpoolRecord> peeked_;
  uint64_t next_key_ = 1;
  size_t in_flight_ = 0;
  BackOff back_off_;
  bool failing_ = false;
  Clock::time_point open_until_;
  Clock::time_point rate_free_;
  std::optional<Clock::time_point> batch_due_; // of what is in no delivery yet; nothing: all is
  uint64_t batch_bytes_ = 0;                   // that this has, at least
  uint64_t taken_ = 0;                         // parcels
  uint64_t unsynced_ = 0;
  uint64_t skipped_ = 0; // bytes of the spool, of which it was said
  Figures counts_;
};

} // namespace pprofd::ship
