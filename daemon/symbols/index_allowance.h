// How much CPU time may go into indexes: a share of one CPU, over all the time there was. A piece
// of work may overdraw it, then there is none until that has been made up for. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace pprofd {

class IndexAllowance {
public:
  using Nanos = std::chrono::nanoseconds;
  using Time = std::chrono::steady_clock::time_point;

  // 0: no limit.
  IndexAllowance(double share, Time begin) : share_(share), begin_(begin) {}

  // How long there is nothing left, where `used` is what all work so far has taken; 0: there is.
  [[nodiscard]] Nanos wait(Nanos used, Time now) const {
    if (share_ == 0)
      return Nanos(0);
    const Nanos made_up(static_cast<Nanos::rep>(static_cast<double>(used.count()) / share_));
    return std::max(made_up - Nanos(now - begin_), Nanos(0));
  }

  // What of `used` has been made up for.
  [[nodiscard]] Nanos charged(Nanos used, Time now) const {
    if (share_ == 0)
      return used;
    const double earned = static_cast<double>(Nanos(now - begin_).count()) * share_;
    return std::min(used, Nanos(static_cast<Nanos::rep>(earned)));
  }

private:
  double share_;
  Time begin_;
};

} // namespace pprofd
