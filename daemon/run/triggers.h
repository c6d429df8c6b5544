// Profiles that are taken by themselves: processes are read every few seconds, and where a rule of
// the configuration holds or one leaves its own recent range (daemon/trigger), a profile of it is
// taken at a higher frequency by a process of its own (profile_taker.h), one at a time. It goes to
// the sink with the label and comment `trigger`, and with what was measured before and meanwhile.
//
// What the process did before that, and what one did that a signal has ended, is in a second
// profile, of the collector's past (sample_past.h): these are samples that ordinary profiles have
// too.
//
// The owner's thread, the collector's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "daemon/config/service_config.h"
#include "daemon/log/log.h"
#include "daemon/process/target_match.h"
#include "daemon/run/profile_queue.h"
#include "daemon/run/profile_taker.h"
#include "daemon/trigger/reading_round.h"
#include "daemon/trigger/trigger_watch.h"
#include "symbolizer/base/rate_bound.h"

namespace pprofd {

class Triggers {
public:
  // Tells the page of a profile that is taken.
  using Show = std::function<void(std::string text)>;

  // `log` outlives this. Nothing is read before configure().
  static Result<std::unique_ptr<Triggers>> create(Log& log, Show show);
  Triggers(const Triggers&) = delete;
  Triggers& operator=(const Triggers&) = delete;

  // What is asked, and put into; all outlive this.
  void attach(Collector& collector, KernelNames& kernel, ProfileQueue& queue);
  // Where triggers are as they were, what is known of the processes stays.
  void configure(const ServiceConfig& config);

  // Readable when tick() has work to do. tick() is called now and then in any case.
  [[nodiscard]] int fd() const { return taker_->fd(); }
  // Goes on for about so long. With `may_take` false no profile is begun.
  void tick(std::chrono::nanoseconds at_most, bool may_take);
  // Profiles under way end now and are put, those of the past too; waits for them, at most so long.
  void finish(std::chrono::milliseconds at_most);

  [[nodiscard]] uint64_t suppressed() const { return watch_->suppressed() + suppressed_; }
  // Of the processes that took profiles.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const { return taker_->cpu_time(); }

private:
  Triggers(Log& log, Show show);

  void watch_anew();
  [[nodiscard]] bool keeps_to_share() const;
  [[nodiscard]] std::vector<ReadingRound::Candidate> candidates();
  [[nodiscard]] std::vector<bool> rules_of(const Process& process) const;
  void read(const ReadingRound::Candidate& candidate, const TriggerReading& reading,
            ReadingRound::Clock::time_point now);
  void take(const Process& process, const TriggerFiring& firing);
  void taken(const serve::Answer& answer);
  // Log and page; returns who it is about.
  std::string tell(const Process& process, const std::string& reason, const std::string& value);
  void look_at_deaths();
  void keep_last(const pprofd_death& death);
  void keep_past(const Process& process, KeyValues comments);
  void write_past();

  Log* log_;
  Show show_;
  std::unique_ptr<ProfileTaker> taker_;
  Collector* collector_ = nullptr;
  KernelNames* kernel_ = nullptr;
  ProfileQueue* queue_ = nullptr;
  RecordingInfo machine_;
  std::string own_program_;
  TriggerConfig config_;
  KeyValues labels_;
  serve::ProfileRequest request_; // of any, as far as the configuration tells
  ProcessPredicate is_target_;
  std::vector<std::vector<ProcessPredicate>> matches_; // of each rule; empty: all
  std::unique_ptr<TriggerWatch> watch_;
  std::unique_ptr<ReadingRound> round_; // nullptr: nothing is read
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  double cpu_share_ = 0; // of one CPU
  bool may_take_ = false;
  uint64_t next_id_ = 1;
  std::string subject_;     // of the profile under way, for messages
  uint64_t suppressed_ = 0; // by watches before this one, and of deaths
  struct Death {
    pprofd_death record;
    std::chrono::steady_clock::time_point due; // its last samples have come by then
  };
  std::deque<Death> deaths_;
  RateBound deaths_bound_{0, std::chrono::hours(1)};
  std::deque<KeyValues> kept_; // comments of the pasts that the collector makes ready
};

} // namespace pprofd
