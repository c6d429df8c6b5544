#include <gtest/gtest.h>

#include <future>
#include <new>

#include "daemon/serve/http/pool.h"

namespace pprofd::serve {
namespace {

TEST(Pool, WorkThatThrowsEndsAlone) {
  Pool pool(1, 10);
  std::promise<void> next;
  ASSERT_TRUE(pool.run([] { throw std::bad_alloc(); }));
  ASSERT_TRUE(pool.run([&] { next.set_value(); }));
  EXPECT_EQ(next.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

} // namespace
} // namespace pprofd::serve
