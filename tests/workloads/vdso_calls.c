/* vdso_calls: asks for the time of day until SIGTERM; the answer comes from the [vdso]. */
#include "tests/workloads/workload.h"

WORKLOAD_NOINLINE void ask_for_time(void) {
  while (!workload_stop_requested)
    for (int i = 0; i < 10000; ++i)
      workload_clock(CLOCK_MONOTONIC);
}

int main(void) {
  workload_stop_on_signal();
  workload_ready();
  ask_for_time();
  return 0;
}
