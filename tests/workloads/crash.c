/* crash MS [memory]: uses MS milliseconds of CPU time in the function about_to_crash and then
 * writes where nothing is mapped, or wants all the memory that there is. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/workloads/workload.h"

static int* volatile nowhere;

WORKLOAD_NOINLINE void about_to_crash(int64_t budget_ns) {
  while (process_cpu_ns() < budget_ns)
    workload_chunk();
}

static void hoard(void) {
  const size_t size = 1 << 20;
  for (char* more = malloc(size); more != NULL; more = malloc(size))
    memset(more, 1, size);
}

int main(int argc, char** argv) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  workload_ready();
  about_to_crash((argc > 1 ? atol(argv[1]) : 0) * 1000000L);
  if (argc > 2)
    hoard();
  *nowhere = 1;
  return 0;
}
