#include <gtest/gtest.h>

#include "daemon/ship/send/reply.h"

namespace pprofd::ship {
namespace {

Reply with(int status, std::string body = {}) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

TEST(Reply, EachStatusHasItsVerdict) {
  for (const int status : {200, 201, 204})
    EXPECT_EQ(verdict_of(with(status)), Verdict::kTaken) << status;
  for (const int status : {400, 413, 415, 422})
    EXPECT_EQ(verdict_of(with(status)), Verdict::kRefused) << status;
  for (const int status : {0, 408, 425, 429, 500, 502, 503, 504, 599})
    EXPECT_EQ(verdict_of(with(status)), Verdict::kNotNow) << status;
  for (const int status : {301, 302, 307, 401, 403, 404, 405})
    EXPECT_EQ(verdict_of(with(status)), Verdict::kNotLikeThis) << status;
}

TEST(Reply, ItsReasonIsOneLineWithoutSecrets) {
  EXPECT_EQ(reason_of(with(400, "bad\nthing\x1b[2J"), {}), "HTTP 400: bad thing [2J");
  EXPECT_EQ(reason_of(with(401, "no such token: s3cret, s3cret!"), {"", "s3cret"}),
            "HTTP 401: no such token: [hidden], [hidden]!");
  EXPECT_LT(reason_of(with(500, std::string(100'000, 'x')), {}).size(), 1'000U);
  Reply none;
  none.problem = "could not connect";
  EXPECT_EQ(reason_of(none, {}), "could not connect");
}

TEST(Reply, ASecretIsHiddenWhereverTheTextIsCut) {
  for (size_t before = 250; before < 310; ++before) {
    const std::string reason =
        reason_of(with(401, std::string(before, '.') + "s3cret-s3cret"), {"s3cret-s3cret"});
    EXPECT_EQ(reason.find("s3cret"), std::string::npos) << before;
  }
}

} // namespace
} // namespace pprofd::ship
