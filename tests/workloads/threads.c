/* threads COUNT BUSY: COUNT threads, of which BUSY use the CPU and the others sleep, until SIGTERM.
 * Thread i is named "worker-i"; the busy ones are the last. "ready" when all of them run. */
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>

#include "tests/workloads/workload.h"

static int busy_from;
static sem_t started;

WORKLOAD_NOINLINE void busy_thread(void) {
  while (!workload_stop_requested)
    workload_chunk();
}

static void* thread_main(void* argument) {
  const int index = (int)(intptr_t)argument;
  char name[16];
  snprintf(name, sizeof name, "worker-%d", index);
  prctl(PR_SET_NAME, name, 0, 0, 0);
  sem_post(&started);
  if (index >= busy_from)
    busy_thread();
  else
    pause();
  return NULL;
}

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 4;
  busy_from = count - (argc > 2 ? atoi(argv[2]) : 2);
  sem_init(&started, 0, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  for (intptr_t i = 0; i < count; ++i) {
    pthread_t thread;
    if ((errno = pthread_create(&thread, &attributes, thread_main, (void*)i)) != 0)
      workload_fail("pthread_create");
  }
  for (int i = 0; i < count; ++i)
    while (sem_wait(&started) != 0) {
    }
  workload_ready();
  pause(); /* SIGTERM ends the process, its threads with it */
  return 0;
}
