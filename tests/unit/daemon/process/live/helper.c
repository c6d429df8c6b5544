/* What the live tests run. Each command prints "ready" (or what it says) when it has done what it
 * is asked for, then waits for the end of its standard input, and exits.
 *
 *   short MS                    no words: sleeps and exits
 *   wait
 *   threads N                   with N more threads
 *   zombie-leader               the first thread ends, another stays
 *   exec PROGRAM ARG…           becomes PROGRAM
 *   exec-from-thread PROGRAM ARG…   the same from another thread than the first
 *   memfd PROGRAM ARG…          the same from a copy in memory
 *   contain FOLDER PROGRAM ARG…     PROGRAM (static) copied into a tmpfs mounted on FOLDER and run
 *                               there as /inside, in mount and pid namespaces of its own
 *   dlopen LIBRARY…             per line of input opens the next and prints "opened", closes the
 * one before mprotect                    makes anonymous memory executable and prints its address
 *   map FILE                    maps FILE executable and prints its address
 *   churn FILE N                maps FILE executable N times without ever merging, and prints
 * "ready"
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void say(const char* word) {
  puts(word);
  fflush(stdout);
}

static int end_of_input(void) {
  char byte;
  while (read(0, &byte, 1) > 0)
    ;
  return 0;
}

static void* sleeper(void* unused) {
  pause();
  return unused;
}

static int threads(int count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
  for (int i = 0; i < count; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, sleeper, NULL) != 0)
      fail("pthread_create");
  }
  say("ready");
  return end_of_input();
}

static void* outlives_leader(void* unused) {
  (void)unused;
  /* Until the first thread is a zombie. */
  for (;;) {
    char text[512] = "";
    const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    const char* end = got > 0 ? strrchr(text, ')') : NULL;
    if (end && end[2] == 'Z')
      break;
    sched_yield();
  }
  say("ready");
  exit(end_of_input());
}

static int zombie_leader(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, outlives_leader, NULL) != 0)
    fail("pthread_create");
  pthread_exit(NULL);
}

static void* exec_thread(void* argument) {
  char** argv = (char**)argument;
  execv(argv[0], argv);
  fail(argv[0]);
  return NULL;
}

static int exec_from_thread(char** argv) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, exec_thread, (void*)argv) != 0)
    fail("pthread_create");
  pause();
  return 0;
}

static void copy_file(const char* path, int to) {
  const int from = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (from < 0 || fstat(from, &status) != 0)
    fail(path);
  for (off_t left = status.st_size; left > 0;) {
    const ssize_t sent = sendfile(to, from, NULL, (size_t)left);
    if (sent <= 0)
      fail("sendfile");
    left -= sent;
  }
  close(from);
}

static int run_from_memory(char** argv) {
  const int copy = memfd_create("in memory", MFD_CLOEXEC);
  copy_file(argv[0], copy);
  fexecve(copy, argv, environ);
  fail("fexecve");
  return 1;
}

static int contain(const char* folder, char** argv) {
  if (unshare(CLONE_NEWNS | CLONE_NEWPID) != 0)
    fail("unshare");
  const pid_t child = fork();
  if (child > 0) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    fail("make mounts private");
  if (mount("tmpfs", folder, "tmpfs", 0, "mode=755") != 0)
    fail("mount a tmpfs");
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/inside", folder);
  const int copy = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  copy_file(argv[0], copy);
  close(copy);
  if (chroot(folder) != 0 || chdir("/") != 0)
    fail("chroot");
  argv[0] = "/inside";
  execv(argv[0], argv);
  fail(argv[0]);
  return 1;
}

#ifndef HELPER_STATIC
static int open_libraries(int count, char** paths) {
  void* open_one = NULL;
  char line[16];
  say("ready");
  for (int i = 0; i < count && fgets(line, sizeof line, stdin); ++i) {
    if (open_one)
      dlclose(open_one);
    open_one = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
    if (!open_one) {
      fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
    say("opened");
  }
  return end_of_input();
}
#endif

static int make_executable(void) {
  void* memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_READ | PROT_EXEC) != 0)
    fail("mprotect");
  printf("%p\n", memory);
  fflush(stdout);
  return end_of_input();
}

static int map_file(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  void* memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (memory == MAP_FAILED)
    fail(path);
  close(fd);
  printf("%p\n", memory);
  fflush(stdout);
  return end_of_input();
}

static int churn(const char* path, int count) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (int i = 0; i < count; ++i) {
    /* A page of nothing between them keeps the kernel from joining two. */
    char* memory = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED ||
        mmap(memory, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
      fail("mmap");
  }
  say("ready");
  return end_of_input();
}

static int sleep_ms(long ms) {
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
  return 0;
}

int main(int argc, char** argv) {
  const char* command = argc > 1 ? argv[1] : "";
  if (strcmp(command, "short") == 0 && argc > 2)
    return sleep_ms(atol(argv[2]));
  if (strcmp(command, "wait") == 0) {
    say("ready");
    return end_of_input();
  }
  if (strcmp(command, "threads") == 0 && argc > 2)
    return threads(atoi(argv[2]));
  if (strcmp(command, "zombie-leader") == 0)
    return zombie_leader();
  if (strcmp(command, "exec") == 0 && argc > 2) {
    execv(argv[2], argv + 2);
    fail(argv[2]);
  }
  if (strcmp(command, "exec-from-thread") == 0 && argc > 2)
    return exec_from_thread(argv + 2);
  if (strcmp(command, "memfd") == 0 && argc > 2)
    return run_from_memory(argv + 2);
  if (strcmp(command, "contain") == 0 && argc > 3)
    return contain(argv[2], argv + 3);
#ifndef HELPER_STATIC
  if (strcmp(command, "dlopen") == 0)
    return open_libraries(argc - 2, argv + 2);
#endif
  if (strcmp(command, "mprotect") == 0)
    return make_executable();
  if (strcmp(command, "map") == 0 && argc > 2)
    return map_file(argv[2]);
  if (strcmp(command, "churn") == 0 && argc > 3)
    return churn(argv[2], atoi(argv[3]));
  return 2;
}
