// When the service samples: in windows of equal length that begin at multiples of it since 1970, so
// that the windows of all hosts agree; where only a part of each is sampled, at a time in the
// window that depends on the host, so that replicas take turns. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace pprofd {

// Part of a window that is sampled; ns since 1970.
struct Collection {
  uint64_t from = 0;
  uint64_t until = 0;
};

class Schedule {
public:
  // `collect` is at most `window`; `seed` tells hosts apart.
  Schedule(std::chrono::nanoseconds window, std::chrono::nanoseconds collect, uint64_t seed);

  // The collection that `now` falls into, or the next one: the first that ends after it.
  [[nodiscard]] Collection at(uint64_t now) const;
  // The one behind a collection that ends now. Where the clock was set meanwhile, it goes on from
  // there.
  [[nodiscard]] Collection after(const Collection& last, uint64_t now) const;

  [[nodiscard]] bool is_continuous() const { return collect_ == window_; }
  [[nodiscard]] uint64_t phase() const { return phase_; }

private:
  uint64_t window_;
  uint64_t collect_;
  uint64_t phase_ = 0; // of the collection in its window
};

// A number that differs from host to host and stays the same: of /etc/machine-id, else of the name.
uint64_t host_seed(const std::string& machine_id_file = "/etc/machine-id");
// FNV-1a.
uint64_t hash_of(std::string_view text);

} // namespace pprofd
