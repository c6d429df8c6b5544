/* plt_calls: calls plt_target, a function of the library plt_target.so that returns at once,
 * through the procedure linkage table, until SIGTERM: a good part of the time is spent in the table
 * itself. */
#include "tests/workloads/workload.h"

void plt_target(void);

WORKLOAD_NOINLINE void call_through_plt(void) {
  while (!workload_stop_requested)
    for (int i = 0; i < 100000; ++i)
      plt_target();
}

int main(void) {
  workload_stop_on_signal();
  workload_ready();
  call_through_plt();
  return 0;
}
