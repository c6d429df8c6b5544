#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <set>
#include <vector>

#include "daemon/kernel/vdso.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {
namespace {

TEST(Vdso, TheFileIsTheMappedImageAndCannotBeChanged) {
  const auto file = vdso_image();
  ASSERT_TRUE(file) << file.error().why;
  struct stat info{};
  ASSERT_EQ(::fstat(file->get(), &info), 0);
  ASSERT_GT(info.st_size, 4096);
  std::vector<char> content(static_cast<size_t>(info.st_size));
  ASSERT_EQ(::pread(file->get(), content.data(), content.size(), 0), info.st_size);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel passes an address as a number
  const void* mapped = reinterpret_cast<const void*>(::getauxval(AT_SYSINFO_EHDR));
  EXPECT_EQ(std::memcmp(content.data(), mapped, content.size()), 0);
  EXPECT_EQ(::pwrite(file->get(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(file->get(), 1), -1);
}

// The C library's view of the same object is the oracle.
TEST(Vdso, TheWorkerNamesItsFunctions) {
  void* object = ::dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
  ASSERT_NE(object, nullptr) << ::dlerror();
  void* function = ::dlsym(object, "__vdso_clock_gettime");
  ASSERT_NE(function, nullptr);
  const uint64_t offset = reinterpret_cast<uint64_t>(function) - ::getauxval(AT_SYSINFO_EHDR);
  ::dlclose(object);

  const auto file = vdso_image();
  ASSERT_TRUE(file);
  symbolizer::WorkerOptions options;
  options.program = PPROFD_TEST_WORKER;
  symbolizer::WorkerClient client(options);
  const std::vector<FileOffset> asked = {{offset}, {offset + 1}};
  const auto answer = client.symbolize(1, file->get(), asked);
  EXPECT_EQ(answer.failure, "");
  EXPECT_EQ(answer.build_id.size(), 40U);
  const std::set<std::string_view> names = {"__vdso_clock_gettime", "clock_gettime"};
  for (const auto& address : answer.addresses) {
    ASSERT_FALSE(address.frames.empty());
    EXPECT_TRUE(names.contains(address.frames[0].function)) << address.frames[0].function;
    EXPECT_EQ(address.function_start.value, offset);
  }
}

} // namespace
} // namespace pprofd
