// The systems that profiles are shipped to: how each wants them. A file of its own a backend; the
// table in backend.cc says what there is. Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "daemon/ship/send/reply.h"
#include "daemon/ship/send/target.h"
#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

using EncodeFor = Result<std::vector<Parcel>> (*)(const serve::ShipTarget& target,
                                                  std::span<const serve::WindowProfile> profiles);

struct Backend {
  std::string_view type;
  EncodeFor encode;
  Verdict (*verdict)(const Reply&) = verdict_of;
};

// nullptr: there is none of that name.
const Backend* find_backend(std::string_view type);

// profefe: one profile a request.
Result<std::vector<Parcel>> encode_profefe(const serve::ShipTarget& target,
                                           std::span<const serve::WindowProfile> profiles);
// Files below the target's folder, as objects.h has them.
Result<std::vector<Parcel>> encode_file(const serve::ShipTarget& target,
                                        std::span<const serve::WindowProfile> profiles);
// Objects in a bucket, as objects.h has them: a PUT each, to be signed.
Result<std::vector<Parcel>> encode_s3(const serve::ShipTarget& target,
                                      std::span<const serve::WindowProfile> profiles);
// S3 says 400 to expired credentials and wrong regions too.
Verdict s3_verdict(const Reply& reply);

// Pyroscope's push API: a profile in as many requests as its limits ask for.
Result<std::vector<Parcel>> encode_pyroscope(const serve::ShipTarget& target,
                                             std::span<const serve::WindowProfile> profiles);
// Parca's WriteRaw: a batch a request.
Result<std::vector<Parcel>> encode_parca(const serve::ShipTarget& target,
                                         std::span<const serve::WindowProfile> profiles);
// OTLP over HTTP: a batch a request, with one dictionary.
Result<std::vector<Parcel>> encode_otlp(const serve::ShipTarget& target,
                                        std::span<const serve::WindowProfile> profiles);

// What Pyroscope and Parca call profiles of this type: process_cpu for cpu.
std::string series_name(const serve::WindowProfile& profile);
// A spooled profile's bytes as the target wants them: gzip as they are, or inflated.
Result<std::string> profile_bytes(const serve::ShipTarget& target,
                                  const serve::WindowProfile& profile);

} // namespace pprofd::ship
