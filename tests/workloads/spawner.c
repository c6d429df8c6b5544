/* spawner COUNT PARALLEL PROGRAM [ARG…]: starts COUNT processes of PROGRAM, PARALLEL at a time, and
 * prints "PID EXIT_STATUS CPU_NS" of each as it ends. */
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/workloads/workload.h"

extern char** environ;

static void reap_one(void) {
  int status;
  struct rusage usage;
  const pid_t pid = wait4(-1, &status, 0, &usage);
  if (pid < 0)
    workload_fail("wait4");
  const int64_t ns = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
                     (int64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
  printf("%d %d %ld\n", pid, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ns);
}

int main(int argc, char** argv) {
  if (argc < 4)
    return 2;
  const int count = atoi(argv[1]);
  const int parallel = atoi(argv[2]);
  int running = 0;
  for (int started = 0; started < count; ++started) {
    if (running == parallel) {
      reap_one();
      --running;
    }
    pid_t pid;
    if ((errno = posix_spawnp(&pid, argv[3], NULL, NULL, argv + 3, environ)) != 0)
      workload_fail(argv[3]);
    ++running;
  }
  while (running-- > 0)
    reap_one();
  return 0;
}
