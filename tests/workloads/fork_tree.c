/* fork_tree MS: a parent that waits, a child that burns MS milliseconds in child_work, and a
 * grandchild that does the same in grandchild_work. Prints "child=PID grandchild=PID". MS 0: until
 * SIGTERM, which ends all three. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"

static void work(long milliseconds) {
  const int64_t end = thread_cpu_ns() + milliseconds * 1000000L;
  while (milliseconds == 0 || thread_cpu_ns() < end)
    workload_chunk();
}

WORKLOAD_NOINLINE void child_work(long milliseconds) {
  work(milliseconds);
  __asm__ volatile("");
}
WORKLOAD_NOINLINE void grandchild_work(long milliseconds) {
  work(milliseconds);
  __asm__ volatile("" ::: "memory");
}

int main(int argc, char** argv) {
  const long milliseconds = argc > 1 ? atol(argv[1]) : 0;
  int ids[2];
  if (pipe(ids) != 0)
    workload_fail("pipe");
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      grandchild_work(milliseconds);
      _exit(0);
    }
    if (write(ids[1], &grandchild, sizeof grandchild) != sizeof grandchild)
      workload_fail("write");
    child_work(milliseconds);
    waitpid(grandchild, NULL, 0);
    _exit(0);
  }
  pid_t grandchild = 0;
  if (child < 0 || read(ids[0], &grandchild, sizeof grandchild) != sizeof grandchild)
    workload_fail("fork");
  printf("child=%d grandchild=%d\n", child, grandchild);
  workload_ready();
  waitpid(child, NULL, 0);
  return 0;
}
