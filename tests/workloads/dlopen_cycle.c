/* dlopen_cycle ROUNDS MS LIBRARY:FUNCTION…: in each round opens each library in turn, lets its
 * function burn MS milliseconds of CPU time, and closes it again; the libraries tend to land at the
 * same address. ROUNDS 0: until SIGTERM. */
#include <dlfcn.h>

#include "tests/workloads/workload.h"

WORKLOAD_NOINLINE void use_library(char* spec, long milliseconds) {
  char path[4096];
  snprintf(path, sizeof path, "%s", spec);
  char* colon = strrchr(path, ':');
  *colon = 0;
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void (*function)(long) = library ? (void (*)(long))dlsym(library, colon + 1) : NULL;
  if (!function) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  function(milliseconds);
  dlclose(library);
}

int main(int argc, char** argv) {
  if (argc < 4)
    return 2;
  const long rounds = atol(argv[1]);
  workload_stop_on_signal();
  workload_ready();
  for (long round = 0; (rounds == 0 || round < rounds) && !workload_stop_requested; ++round)
    for (int i = 3; i < argc; ++i)
      use_library(argv[i], atol(argv[2]));
  return 0;
}
