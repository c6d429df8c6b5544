// chain NAME: spends its time at the end of a call chain that is known to the last frame, until
// SIGTERM. Built by several compilers at every level of optimization, without frame pointers: what
// a profiler finds on the stack must be the chain and nothing else (tests/e2e/test_stacks.py).
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <cstdlib>
#include <cstring>
#include <iterator>

#include "tests/workloads/workload.h"

namespace {

volatile uint64_t sink;
const char* plugin_path = "";

bool stopped() {
  return workload_stop_requested != 0;
}

} // namespace

extern "C" {

// A function that saves registers and calls nobody.
WORKLOAD_NOINLINE uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t c = a ^ b, d = a + b, e = a * 31, f = b * 17, g = ~a, h = ~b;
  for (int i = 0; i < 16; ++i) {
    c = (c << 7 | c >> 57) + d * e;
    d ^= f + (c >> 3);
    e += g ^ h;
    f -= d;
    g ^= c >> 11;
    h += e;
  }
  return c ^ d ^ e ^ f ^ g ^ h;
}

// Some tens of microseconds, half of them in calls.
WORKLOAD_NOINLINE void work(void) {
  uint64_t value = sink;
  for (uint64_t i = 0; i < 500; ++i) {
    value = mix(value, i);
    for (int j = 0; j < 20; ++j)
      value = value * 6364136223846793005U + 1442695040888963407U;
  }
  sink = value;
}

WORKLOAD_NOINLINE void work_until_stopped(void) {
  while (!stopped())
    work();
}

// --- chains
// ---------------------------------------------------------------------------------------

WORKLOAD_NOINLINE void step(int depth, void (*last)(void)) {
  if (depth > 1)
    step(depth - 1, last);
  else
    last();
  sink = sink + 1; // keeps the frame: no call above is the last thing done
}

WORKLOAD_NOINLINE void deep30(void) {
  step(30, work_until_stopped);
  sink = 1;
}

WORKLOAD_NOINLINE void deep1000(void) {
  step(1000, work_until_stopped);
  sink = 1;
}

WORKLOAD_NOINLINE void step_alloca(size_t size, int depth) {
  auto* space = static_cast<char*>(alloca(size));
  std::memset(space, depth, size);
  if (depth > 1)
    step_alloca(size + 40, depth - 1);
  else
    work_until_stopped();
  sink = sink + static_cast<unsigned char>(space[size / 2]);
}

WORKLOAD_NOINLINE void allocas(void) {
  step_alloca(100 + (sink & 1), 10);
  sink = 1;
}

WORKLOAD_NOINLINE void step_realigned(int depth) {
  alignas(128) volatile char space[256];
  space[depth] = static_cast<char>(depth);
  if (depth > 1)
    step_realigned(depth - 1);
  else
    work_until_stopped();
  sink = sink + static_cast<unsigned char>(space[depth]);
}

WORKLOAD_NOINLINE void realigned(void) {
  step_realigned(10);
  sink = 1;
}

#ifdef __x86_64__
typedef double Vector __attribute__((vector_size(32)));

__attribute__((target("avx2"))) WORKLOAD_NOINLINE void step_avx(int depth, size_t size) {
  volatile Vector vectors[4] = {};
  auto* space = static_cast<char*>(alloca(size));
  std::memset(space, depth, size);
  vectors[depth & 3] = vectors[0] + 1.0;
  if (depth > 1)
    step_avx(depth - 1, size + 24);
  else
    work_until_stopped();
  sink = sink + static_cast<uint64_t>(vectors[depth & 3][0]) + static_cast<uint64_t>(space[0]);
}

WORKLOAD_NOINLINE void avx(void) {
  step_avx(10, 64 + (sink & 1));
  sink = 1;
}
#endif

// A call that is the last thing done may take over its caller's frame.
WORKLOAD_NOINLINE void tail_called(void) {
  work();
  sink = sink + 1;
}
WORKLOAD_NOINLINE void tail_caller(void) {
  sink = sink + 1;
  tail_called();
}
WORKLOAD_NOINLINE void tail_calls(void) {
  while (!stopped())
    tail_caller();
}

jmp_buf jump_target;
WORKLOAD_NOINLINE void work_and_jump(void) {
  work();
  longjmp(jump_target, 1);
}
WORKLOAD_NOINLINE void jumps(void) {
  setjmp(jump_target);
  if (!stopped())
    step(5, work_and_jump);
}

WORKLOAD_NOINLINE void throw_number(void) {
  throw 42;
}
WORKLOAD_NOINLINE void exceptions(void) {
  while (!stopped()) {
    try {
      step(5, throw_number);
    } catch (int number) {
      sink = sink + static_cast<uint64_t>(number);
    }
  }
}

WORKLOAD_NOINLINE void on_signal(int) {
  work();
  sink = sink + 1;
}
WORKLOAD_NOINLINE void take_signals(int flags) {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = flags;
  sigaction(SIGUSR2, &action, nullptr);
  while (!stopped())
    raise(SIGUSR2);
}
WORKLOAD_NOINLINE void signals(void) {
  take_signals(0);
  sink = 1;
}
WORKLOAD_NOINLINE void signals_aside(void) {
  stack_t stack = {};
  stack.ss_size = 1 << 16;
  stack.ss_sp = std::malloc(stack.ss_size);
  sigaltstack(&stack, nullptr);
  take_signals(SA_ONSTACK);
  sink = 1;
}

ucontext_t caller_context, routine_context;
WORKLOAD_NOINLINE void routine(void) {
  while (!stopped()) {
    step(5, work);
    swapcontext(&routine_context, &caller_context);
  }
}
WORKLOAD_NOINLINE void coroutines(void) {
  getcontext(&routine_context);
  routine_context.uc_stack.ss_size = 1 << 16;
  routine_context.uc_stack.ss_sp = std::malloc(1 << 16);
  routine_context.uc_link = &caller_context;
  makecontext(&routine_context, routine, 0);
  while (!stopped())
    swapcontext(&caller_context, &routine_context);
}

void* thread_entry(void*) {
  step(5, work_until_stopped);
  return nullptr;
}
WORKLOAD_NOINLINE void threads(void) {
  pthread_t others[2];
  for (pthread_t& other : others)
    pthread_create(&other, nullptr, thread_entry, nullptr);
  for (const pthread_t other : others)
    pthread_join(other, nullptr);
}

WORKLOAD_NOINLINE int compare(const void* a, const void* b) {
  const auto x = *static_cast<const uint64_t*>(a), y = *static_cast<const uint64_t*>(b);
  return mix(x, 1) < mix(y, 1) ? -1 : 1;
}
WORKLOAD_NOINLINE void callbacks(void) {
  uint64_t values[64];
  while (!stopped()) {
    for (uint64_t& value : values)
      value = sink = mix(sink, 7);
    std::qsort(values, std::size(values), sizeof values[0], compare);
  }
}

WORKLOAD_NOINLINE void strings(void) {
  static char from[4096], to[4096];
  while (!stopped()) {
    std::memset(from, 'x', sizeof from - 1);
    std::memcpy(to, from, sizeof to);
    sink = sink + std::strlen(to) + static_cast<uint64_t>(std::strcmp(from, to)) +
           (std::strchr(to, 'y') != nullptr);
  }
}

WORKLOAD_NOINLINE void system_calls(void) {
  while (!stopped())
    sink = sink + static_cast<uint64_t>(getppid());
}

WORKLOAD_NOINLINE void libraries(void) {
  while (!stopped()) {
    void* library = dlopen(plugin_path, RTLD_NOW);
    if (library == nullptr)
      workload_fail(plugin_path);
    using Work = void (*)(long);
    reinterpret_cast<Work>(dlsym(library, "plugin_a_work"))(5);
    dlclose(library);
  }
}

WORKLOAD_NOINLINE void vforks(void) {
  while (!stopped()) {
    const pid_t child = vfork();
    if (child == 0) {
      for (int i = 0; i < 200; ++i)
        work();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
}

} // extern "C"

int main(int argc, char** argv) {
  struct Chain {
    const char* name;
    void (*run)(void);
  };
  static const Chain kChains[] = {
      {"deep30", deep30},
      {"deep1000", deep1000},
      {"allocas", allocas},
      {"realigned", realigned},
#ifdef __x86_64__
      {"avx", avx},
#endif
      {"tail_calls", tail_calls},
      {"jumps", jumps},
      {"exceptions", exceptions},
      {"signals", signals},
      {"signals_aside", signals_aside},
      {"coroutines", coroutines},
      {"threads", threads},
      {"callbacks", callbacks},
      {"strings", strings},
      {"system_calls", system_calls},
      {"libraries", libraries},
      {"vforks", vforks},
  };
  workload_stop_on_signal();
  if (argc > 2)
    plugin_path = argv[2];
  for (const Chain& chain : kChains) {
    if (argc < 2 || std::strcmp(chain.name, argv[1]) != 0)
      continue;
    workload_ready();
    chain.run();
    sink = 2;
    return 0;
  }
  std::fprintf(stderr, "usage: chain NAME [PLUGIN]\n");
  return 2;
}
