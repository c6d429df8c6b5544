/* walk OBJECT HZ: runs walk.bpf.c's program on every CPU's clock, HZ times a second, until SIGTERM;
 * prints "ready", and at the end the stacks walked and their frames. */
#include "walk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  exit(1);
}

/* The event lives as long as the process. */
static void sample(const struct bpf_program* program, int cpu, unsigned long long hz) {
  struct perf_event_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = 1000000000ULL / hz;
  const int event = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (event < 0)
    fail("perf_event_open");
  if (!bpf_program__attach_perf_event(program, event))
    fail("attach");
}

static void print_walks(int map, int cpus) {
  struct walks* each = calloc((size_t)cpus, (sizeof *each + 7) & ~7UL);
  const unsigned zero = 0;
  if (!each || bpf_map_lookup_elem(map, &zero, each) != 0)
    fail("walks");
  unsigned long long count = 0, frames = 0;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    count += each[cpu].count;
    frames += each[cpu].frames;
  }
  free(each);
  printf("%llu %llu\n", count, frames);
}

int main(int argc, char** argv) {
  if (argc != 3 || atoi(argv[2]) <= 0) {
    fprintf(stderr, "usage: walk OBJECT HZ\n");
    return 2;
  }
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigprocmask(SIG_BLOCK, &end, NULL);
  struct bpf_object* object = bpf_object__open_file(argv[1], NULL);
  if (!object || bpf_object__load(object) != 0)
    fail(argv[1]);
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  for (int cpu = 0; cpu < online; ++cpu)
    sample(bpf_object__find_program_by_name(object, "walk"), cpu, strtoull(argv[2], NULL, 10));
  puts("ready");
  fflush(stdout);
  int signal_number;
  sigwait(&end, &signal_number);
  print_walks(bpf_object__find_map_fd_by_name(object, "result"), libbpf_num_possible_cpus());
  return 0;
}
