/* kernel_time: nearly all of its CPU time inside system calls (reads of /dev/zero), until SIGTERM.
 */
#include <fcntl.h>
#include <sys/syscall.h>

#include "tests/workloads/workload.h"

static char buffer[1 << 20];

/* The system call stands in a function with a frame of its own: the C library's has none. */
WORKLOAD_NOINLINE long read_raw(int fd) {
  long result = SYS_read;
  /* Makes the compiler set up a frame, which it leaves out of leaf functions. */
  __asm__ volatile("" : : "r"(__builtin_frame_address(0)));
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"((long)fd), "S"(buffer), "d"(sizeof buffer)
                   : "rcx", "r11", "memory");
  return result;
}

WORKLOAD_NOINLINE void read_zeros(int fd) {
  while (!workload_stop_requested)
    if (read_raw(fd) < 0)
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
