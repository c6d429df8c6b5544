#include "daemon/run/schedule.h"

#include <sys/utsname.h>

#include <algorithm>
#include <fstream>

namespace pprofd {

Schedule::Schedule(std::chrono::nanoseconds window, std::chrono::nanoseconds collect, uint64_t seed)
    : window_(static_cast<uint64_t>(window.count())),
      collect_(static_cast<uint64_t>(collect.count())) {
  if (const uint64_t room = window_ - collect_; room != 0)
    phase_ = seed % (room + 1);
}

Collection Schedule::at(uint64_t now) const {
  uint64_t begin = now - (now % window_) + phase_;
  // Of the window before, it may still run.
  if (begin > now && begin >= window_ && begin - window_ + collect_ > now)
    begin -= window_;
  if (begin + collect_ <= now)
    begin += window_;
  return {.from = begin, .until = begin + collect_};
}

Collection Schedule::after(const Collection& last, uint64_t now) const {
  const uint64_t apart = now > last.until ? now - last.until : last.until - now;
  return at(apart < window_ ? std::max(now, last.until) : now);
}

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

uint64_t host_seed(const std::string& machine_id_file) {
  std::string id;
  if (!(std::ifstream(machine_id_file) >> id) || id.empty()) {
    utsname name{};
    uname(&name);
    id = name.nodename;
  }
  return hash_of(id);
}

} // namespace pprofd
