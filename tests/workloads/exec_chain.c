/* exec_chain MS PROGRAM [ARG…]: burns MS milliseconds of CPU time in before_exec, then becomes
 * PROGRAM: the same pid, another executable. PROGRAM "memfd:PATH" is copied into a memfd and run
 * from there. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "tests/workloads/workload.h"

extern char** environ;

WORKLOAD_NOINLINE void before_exec(long milliseconds) {
  const int64_t end = thread_cpu_ns() + milliseconds * 1000000L;
  while (thread_cpu_ns() < end)
    workload_chunk();
}

static void exec_from_memory(const char* path, char** argv) {
  const int source = open(path, O_RDONLY | O_CLOEXEC);
  const int copy = memfd_create("in-memory", MFD_CLOEXEC);
  struct stat status;
  if (source < 0 || copy < 0 || fstat(source, &status) != 0)
    workload_fail(path);
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t sent = sendfile(copy, source, NULL, (size_t)left);
    if (sent <= 0)
      workload_fail("sendfile");
    left -= sent;
  }
  fexecve(copy, argv, environ);
}

int main(int argc, char** argv) {
  if (argc < 3)
    return 2;
  before_exec(atol(argv[1]));
  if (strncmp(argv[2], "memfd:", 6) == 0)
    exec_from_memory(argv[2] + 6, argv + 2);
  else
    execvp(argv[2], argv + 2);
  workload_fail(argv[2]);
}
