// Which servers may be asked at present: one that did not answer is left alone for a while, longer
// each time. And what is to be said of them: of each the first trouble and then one in ten minutes.
// Pure; one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "daemon/net/back_off.h"
#include "proto/debuginfod.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class DebugServers {
public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::minutes kQuiet{10};

  explicit DebugServers(const std::vector<std::string>& addresses);

  // Indexes of those that may be asked, in the order configured.
  [[nodiscard]] std::vector<size_t> ready(Time now) const;
  [[nodiscard]] const std::string& address(size_t index) const { return all_.at(index).address; }
  [[nodiscard]] size_t size() const { return all_.size(); }

  // What one said. Returns what is to be told to the user.
  std::optional<Error> answered(size_t index, const debuginfod::ServerAnswer& answer, Time now);

private:
  struct Server {
    std::string address;
    BackOff back_off;
    Time left_alone_until;
    std::optional<Time> told;
  };

  std::vector<Server> all_;
  std::mt19937 random_{std::random_device()()};
};

} // namespace pprofd
