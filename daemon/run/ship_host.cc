#include "daemon/run/ship_host.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "daemon/serve/link/counted_samples.h"

namespace pprofd {

namespace {

ShipFigures sum(const ShipFigures& a, const ShipFigures& b) {
  return {.target = b.target,
          .sent = a.sent + b.sent,
          .failed = a.failed + b.failed,
          .retried = a.retried + b.retried,
          .dropped = a.dropped + b.dropped,
          .spool_bytes = b.spool_bytes,
          .up = b.up};
}

ShipFigures figures_of(const serve::Shipping::Target& target) {
  return {.target = target.name(),
          .sent = target.sent(),
          .failed = target.failed(),
          .retried = target.retried(),
          .dropped = target.dropped(),
          .spool_bytes = target.spool_bytes(),
          .up = target.up()};
}

} // namespace

void ShipCounts::add(const serve::Shipping& shipping) {
  const bool other = std::exchange(process_, shipping.process()) != shipping.process();
  std::map<std::string, Counts> targets;
  for (const serve::Shipping::Target& target : shipping.targets()) {
    Counts counts = targets_[target.name()];
    if (other)
      counts.before = sum(counts.before, counts.now);
    counts.now = figures_of(target);
    targets[target.name()] = counts;
  }
  targets_ = std::move(targets);
}

std::vector<ShipFigures> ShipCounts::figures() const {
  std::vector<ShipFigures> figures;
  figures.reserve(targets_.size());
  for (const auto& [name, counts] : targets_)
    figures.push_back(sum(counts.before, counts.now));
  return figures;
}

Result<void> ShipHost::make_host() {
  auto host = ServeHost::create({}, *log_, ServeHost::ship_kind());
  if (!host)
    return std::unexpected(host.error());
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(events_, EPOLL_CTL_ADD, (*host)->fd(), &event) != 0)
    return fail_errno("wait for the process that ships", errno);
  host_ = std::move(*host);
  host_->set_calls({.profile = {},
                    .cancel = {},
                    .metrics = {},
                    .reload = {},
                    .shipping = [this](const serve::Shipping& said) { counts_.add(said); }});
  return {};
}

Result<void> ShipHost::start(serve::Configuration configuration, int events) {
  events_ = events;
  if (configuration.ship_targets().empty())
    return {};
  if (auto made = make_host(); !made)
    return made;
  auto done = host_->configure_and_wait(std::move(configuration));
  if (done)
    to_ = host_.get();
  return done;
}

void ShipHost::configure(serve::Configuration configuration, ServeHost::Configured done) {
  if (to_ == nullptr && configuration.ship_targets().empty())
    return done({});
  if (host_ == nullptr)
    if (auto made = make_host(); !made)
      return done(made);
  host_->configure(std::move(configuration), [this, done = std::move(done)](const auto& taken) {
    if (taken)
      to_ = host_.get();
    done(taken);
  });
}

Result<void> ShipHost::put(serve::WindowProfile profile) {
  ServeHost* const host = serve::is_triggered(profile) ? nullptr : to_.load();
  if (host != nullptr) {
    if (auto put = host->put(profile); !put) {
      ++lost_;
      log_->error("profile not shipped", put.error());
    }
  }
  return store_->put(std::move(profile));
}

void ShipHost::tick() {
  if (host_ != nullptr)
    host_->tick();
}

bool ShipHost::finish(std::chrono::milliseconds at_most) {
  return host_ == nullptr || host_->finish(at_most);
}

std::vector<ShipFigures> ShipHost::figures() const {
  std::vector<ShipFigures> figures = counts_.figures();
  const uint64_t lost = lost_ + usage().given_up;
  for (ShipFigures& each : figures)
    each.dropped += lost;
  return figures;
}

ServeHost::Figures ShipHost::usage() const {
  return host_ != nullptr ? host_->figures() : ServeHost::Figures();
}

} // namespace pprofd
