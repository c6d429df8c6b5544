/* burn MS [THREADS [EXIT_STATUS]]: uses MS milliseconds of CPU time in the function burn_cpu,
 * shared by THREADS threads, and exits with EXIT_STATUS. MS 0: until SIGTERM. Prints "ready" first
 * and "cpu=NS" (of the whole process) last; nothing when MS is below 1000, so that short processes
 * cost no more than their work. */
#include <pthread.h>

#include "tests/workloads/workload.h"

static int64_t budget_ns;

WORKLOAD_NOINLINE void burn_cpu(void) {
  while (!workload_stop_requested && (budget_ns == 0 || process_cpu_ns() < budget_ns))
    workload_chunk();
}

static void* thread_main(void* unused) {
  burn_cpu();
  return unused;
}

int main(int argc, char** argv) {
  const long milliseconds = argc > 1 ? atol(argv[1]) : 0;
  const int threads = argc > 2 ? atoi(argv[2]) : 1;
  const int verbose = milliseconds == 0 || milliseconds >= 1000;
  budget_ns = milliseconds * 1000000L;
  workload_stop_on_signal();
  if (verbose)
    workload_ready();
  pthread_t others[64];
  for (int i = 1; i < threads && i < 64; ++i)
    if (pthread_create(&others[i], NULL, thread_main, NULL) != 0)
      workload_fail("pthread_create");
  burn_cpu();
  for (int i = 1; i < threads && i < 64; ++i)
    pthread_join(others[i], NULL);
  if (verbose)
    printf("cpu=%ld\n", process_cpu_ns());
  return argc > 3 ? atoi(argv[3]) : 0;
}
