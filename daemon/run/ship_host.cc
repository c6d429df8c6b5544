#include "daemon/run/ship_host.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "daemon/run/ship_configuration.h"

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
  for (const auto& [name, counts] : targets_)
    figures.push_back(sum(counts.before, counts.now));
  return figures;
}

Result<void> ShipHost::configure(const ServiceConfig& config, int events) {
  auto configuration = make_ship_configuration(config);
  if (!configuration)
    return std::unexpected(configuration.error());
  if (host_ != nullptr) {
    host_->configure(std::move(*configuration));
    return {};
  }
  if (config.ship.empty())
    return {};
  auto host = ServeHost::start(std::move(*configuration), {}, *log_, ServeHost::ship_kind());
  if (!host)
    return std::unexpected(host.error());
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(events, EPOLL_CTL_ADD, (*host)->fd(), &event) != 0)
    return fail_errno("wait for the process that ships", errno);
  host_ = std::move(*host);
  host_->set_calls({.profile = {},
                    .cancel = {},
                    .metrics = {},
                    .reload = {},
                    .shipping = [this](const serve::Shipping& said) { counts_.add(said); }});
  to_ = host_.get();
  return {};
}

Result<void> ShipHost::put(serve::WindowProfile profile) {
  if (ServeHost* const host = to_) {
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
  for (ShipFigures& each : figures)
    each.dropped += lost_;
  return figures;
}

ServeHost::Figures ShipHost::usage() const {
  return host_ != nullptr ? host_->figures() : ServeHost::Figures();
}

} // namespace pprofd
