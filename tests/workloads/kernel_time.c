/* kernel_time: nearly all of its CPU time inside system calls (reads of /dev/zero), until SIGTERM.
 */
#include <fcntl.h>

#include "tests/workloads/workload.h"

static char buffer[1 << 20];

WORKLOAD_NOINLINE void read_zeros(int fd) {
  while (!workload_stop_requested)
    if (read(fd, buffer, sizeof buffer) < 0)
      return;
}

int main(void) {
  const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    workload_fail("/dev/zero");
  workload_stop_on_signal();
  workload_ready();
  read_zeros(fd);
  return 0;
}
