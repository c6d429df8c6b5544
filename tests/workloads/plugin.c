/* A shared library with one function, PLUGIN_FUNCTION, that burns the CPU for a number of
 * milliseconds. Built several times under several names. */
#include "tests/workloads/workload.h"

WORKLOAD_NOINLINE void PLUGIN_FUNCTION(long milliseconds) {
  const int64_t end = thread_cpu_ns() + milliseconds * 1000000L;
  while (thread_cpu_ns() < end)
    workload_chunk();
}
