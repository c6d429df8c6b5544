/* crash MS: uses MS milliseconds of CPU time in the function about_to_crash and then writes where
 * nothing is mapped. */
#include <sys/resource.h>

#include "tests/workloads/workload.h"

static int* volatile nowhere;

WORKLOAD_NOINLINE void about_to_crash(int64_t budget_ns) {
  while (process_cpu_ns() < budget_ns)
    workload_chunk();
  *nowhere = 1;
}

int main(int argc, char** argv) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  workload_ready();
  about_to_crash((argc > 1 ? atol(argv[1]) : 0) * 1000000L);
  return 0;
}
