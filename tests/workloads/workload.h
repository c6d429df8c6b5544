// What the workloads share: a clean way to say that they are set up, to burn CPU time, and to stop.
// Header only and plain C, so that each program stays one file in either language.
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// A function that keeps its own frame and its own name.
#if defined(__clang__)
#define WORKLOAD_NOINLINE __attribute__((noinline))
#else
#define WORKLOAD_NOINLINE __attribute__((noinline, noclone, noipa))
#endif

static inline void workload_on_go(int signal_number) {
  (void)signal_number;
}

// The test waits for the line "ready" before it relies on anything. With WORKLOAD_WAIT in the
// environment the program then waits, using no CPU, for SIGUSR1: so that a test that attaches to it
// misses nothing of its work.
static inline void workload_ready(void) {
  sigset_t go, before;
  sigemptyset(&go);
  sigaddset(&go, SIGUSR1);
  sigprocmask(SIG_BLOCK, &go, &before);
  signal(SIGUSR1, workload_on_go);
  fputs("ready\n", stdout);
  fflush(stdout);
  if (getenv("WORKLOAD_WAIT") != NULL) {
    sigset_t waiting = before;
    sigdelset(&waiting, SIGUSR1);
    sigsuspend(&waiting);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static inline void workload_fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline int64_t workload_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// CPU time of the calling thread and of the whole process, in nanoseconds.
static inline int64_t thread_cpu_ns(void) {
  return workload_clock(CLOCK_THREAD_CPUTIME_ID);
}
static inline int64_t process_cpu_ns(void) {
  return workload_clock(CLOCK_PROCESS_CPUTIME_ID);
}

// A few microseconds of arithmetic that no compiler can remove.
static inline void workload_chunk(void) {
  volatile uint32_t value = 1;
  for (int i = 0; i < 4000; ++i)
    value = value * 1664525U + 1013904223U;
}

static volatile sig_atomic_t workload_stop_requested;

static inline void workload_on_stop(int signal_number) {
  (void)signal_number;
  workload_stop_requested = 1;
}

// After this, SIGTERM and SIGINT only set workload_stop_requested.
static inline void workload_stop_on_signal(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = workload_on_stop;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
}
