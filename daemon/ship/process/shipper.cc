#include "daemon/ship/process/shipper.h"

#include <google/protobuf/util/message_differencer.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "daemon/serve/link/failure.h"
#include "daemon/ship/backends/backend.h"
#include "daemon/ship/backends/labels.h"

namespace pprofd::ship {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kReportInterval{1'000};
constexpr milliseconds kDrain{3'000}; // for requests under way, when it ends in order
constexpr const char* kRefused = "/refused";

TargetLimits limits_of(const serve::ShipTarget& settings) {
  return {.batch_profiles = std::max<uint64_t>(settings.batch_profiles(), 1),
          .batch_bytes = settings.batch_bytes(),
          .rate = settings.rate(),
          .batch_wait = std::chrono::nanoseconds(settings.batch_wait_nanos())};
}

HttpOptions http_options(const serve::ShipTarget& settings) {
  HttpOptions options{.ca = settings.tls_ca(),
                      .cert = settings.tls_cert(),
                      .key = settings.tls_key(),
                      .headers = {settings.headers().begin(), settings.headers().end()},
                      .signature = {},
                      .timeout = std::chrono::duration_cast<milliseconds>(
                          std::chrono::nanoseconds(settings.timeout_nanos()))};
  if (!settings.token().empty())
    options.headers.push_back("Authorization: Bearer " + settings.token());
  if (!settings.secret_key().empty())
    options.signature = {.region = settings.region(),
                         .access_key = settings.access_key(),
                         .secret_key = settings.secret_key()};
  return options;
}

// What no log may show: tokens and keys, and values of headers, which may be keys.
std::vector<std::string> secrets_of(const serve::ShipTarget& settings) {
  std::vector<std::string> secrets{settings.token(), settings.secret_key(),
                                   settings.session_token()};
  for (const std::string& header : settings.headers())
    secrets.push_back(header.substr(std::min(header.find(": ") + 2, header.size())));
  return secrets;
}

} // namespace

Result<void> Shipper::start(const serve::Configuration& configuration) {
  configuration_ = configuration;
  auto client = HttpClient::create();
  if (!client)
    return std::unexpected(client.error());
  client_ = std::move(*client);
  for (const serve::ShipTarget& target : configuration.ship_targets())
    if (auto added = add_target(target); !added)
      return fail("ship to " + target.name() + ": " + added.error().what, added.error().why,
                  added.error().hint);
  say_ready();
  return {};
}

void Shipper::say_ready() {
  serve::ToDaemon ready;
  ready.set_ready(true);
  send(ready);
}

Result<void> Shipper::add_target(const serve::ShipTarget& settings) {
  const Backend* const backend = find_backend(settings.type());
  if (backend == nullptr)
    return fail("type", "there is no " + settings.type());
  auto spool = Spool::open(settings.name(), settings.spool_bytes());
  if (!spool)
    return std::unexpected(spool.error());
  Place& place = places_.emplace_back();
  place.settings = settings;
  place.http = http_options(settings);
  if (auto checked = check_tls(place.http); !checked)
    return checked;
  if (auto added = add_sender(place); !added)
    return added;
  const auto send = [this, &place](const Parcel& parcel, std::function<void(const Reply&)> done) {
    if (place.files != nullptr)
      done(place.files->write(parcel));
    else
      client_->start(place.http, parcel, std::move(done));
  };
  place.target = std::make_unique<Target>(
      Target::Parts{.name = settings.name(),
                    .limits = limits_of(settings),
                    .spool = std::move(*spool),
                    .refused = RefusedFolder(settings.name() + kRefused),
                    .encode =
                        [&place, backend](std::span<const serve::WindowProfile> profiles) {
                          return backend->encode(place.settings, profiles);
                        },
                    .send = send,
                    .verdict = backend->verdict,
                    .note = [this](const Error& error) { report(error); },
                    .secrets = secrets_of(settings),
                    .seed = std::random_device()()});
  return {};
}

Result<void> Shipper::add_sender(Place& place) {
  if (place.settings.type() != "file")
    return {};
  auto files = FileSender::open(place.settings.url());
  if (!files)
    return fail(files.error().what, files.error().why,
                "give a folder that the user of `pprofd: ship` may write to");
  place.files = std::make_unique<FileSender>(std::move(*files));
  return {};
}

void Shipper::run() {
  while (!stop_) {
    client_->wait(link_.fd(), link_.wanted_events(), until_next());
    (void)link_.flush();
    receive();
    step();
  }
  drain();
}

void Shipper::step() {
  client_->perform();
  const auto now = steady_clock::now();
  for (Place& place : places_)
    place.target->step(now);
  client_->perform(); // begins what step() has started
  report_figures();
}

milliseconds Shipper::until_next() const {
  auto next = reported_at_ + kReportInterval;
  for (const Place& place : places_)
    if (const auto wake = place.target->wake())
      next = std::min(next, *wake);
  const auto left = std::chrono::ceil<milliseconds>(next - steady_clock::now());
  return std::clamp(left, milliseconds(0), kReportInterval);
}

// All that has come is on the disk before any of it is acknowledged.
void Shipper::receive() {
  const auto open = link_.fill();
  serve::ToServe message;
  Result<bool> got = true;
  while ((got = link_.next(message)) && *got)
    take(message);
  acknowledge();
  if (!open || !*open || !got)
    stop_ = true;
}

void Shipper::take(const serve::ToServe& message) {
  switch (message.message_case()) {
  case serve::ToServe::kProfile:
    return take_profile(message.profile());
  case serve::ToServe::kConfiguration:
    return take_configuration(message.configuration());
  case serve::ToServe::kStop:
    stop_ = true;
    return;
  default:
    return;
  }
}

// With another one the next process begins.
void Shipper::take_configuration(const serve::Configuration& configuration) {
  if (google::protobuf::util::MessageDifferencer::Equals(configuration, configuration_))
    return say_ready();
  stop_ = true;
}

void Shipper::take_profile(const serve::WindowProfile& profile) {
  ++taken_;
  serve::WindowProfile spooled = profile;
  for (const auto& [name, value] : configuration_.host_labels())
    (*spooled.mutable_labels())[name] = value;
  std::string bytes;
  for (Place& place : places_) {
    if (!concerns(place.settings, spooled))
      continue;
    if (bytes.empty())
      bytes = spooled.SerializeAsString();
    place.target->add(profile.id(), bytes);
  }
}

void Shipper::acknowledge() {
  if (std::exchange(acknowledged_, taken_) == taken_)
    return;
  for (Place& place : places_)
    place.target->sync();
  serve::ToDaemon message;
  message.mutable_stored()->set_profiles(taken_);
  send(message);
}

void Shipper::report_figures() {
  const auto now = steady_clock::now();
  if (now - reported_at_ < kReportInterval)
    return;
  reported_at_ = now;
  serve::ToDaemon message;
  message.mutable_shipping()->set_process(static_cast<uint32_t>(::getpid()));
  for (const Place& place : places_) {
    const Target::Figures figures = place.target->figures();
    auto* const to = message.mutable_shipping()->add_targets();
    to->set_name(place.settings.name());
    to->set_sent(figures.sent);
    to->set_failed(figures.failed);
    to->set_retried(figures.retried);
    to->set_dropped(figures.dropped);
    to->set_spool_bytes(figures.spool_bytes);
    to->set_up(figures.up);
  }
  if (std::exchange(reported_, message.SerializeAsString()) != message.SerializeAsString())
    send(message);
}

// What was taken before the end is known to have been.
void Shipper::drain() {
  const auto deadline = steady_clock::now() + kDrain;
  for (Place& place : places_)
    place.target->hurry(steady_clock::now());
  const auto under_way = [this] {
    return std::ranges::any_of(places_, [](const Place& p) { return p.target->in_flight() > 0; });
  };
  while (under_way() && steady_clock::now() < deadline) {
    client_->wait(-1, 0, milliseconds(50));
    client_->perform();
  }
  for (Place& place : places_)
    place.target->save();
  reported_at_ = {};
  report_figures();
  (void)link_.flush();
}

void Shipper::send(const serve::ToDaemon& message) {
  if (!link_.send(message))
    stop_ = true;
}

void Shipper::report(const Error& error) {
  serve::ToDaemon message;
  *message.mutable_failure() = serve::failure_of(error);
  send(message);
}

void Shipper::refuse(const Error& error) {
  serve::ToDaemon message;
  *message.mutable_refused() = serve::failure_of(error);
  send(message);
}

} // namespace pprofd::ship
