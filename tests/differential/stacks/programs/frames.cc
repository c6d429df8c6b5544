// Every way of making and leaving frames that C and C++ programs have, between two int3.
#include <alloca.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

#define NOINLINE __attribute__((noinline, noclone))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((noinline))
#endif

static volatile int sink;

static void marker() {
  asm volatile("int3");
}

// --- plain calls
// -------------------------------------------------------------------------------------

NOINLINE int leaf(int a) {
  return a * 3 + sink;
}
NOINLINE int tail(int a) {
  return leaf(a + 1);
} // a jump, where optimized
NOINLINE int many(int a, int b, int c, int d, int e, int f, int g, int h) {
  sink = a + b + c + d + e + f;
  return tail(g) + h;
}
NOINLINE int recurse(int depth) {
  return depth == 0 ? many(1, 2, 3, 4, 5, 6, 7, 8) : recurse(depth - 1) + depth;
}

NOINLINE int with_alloca(int n) {
  char* bytes = static_cast<char*>(alloca(static_cast<size_t>(n) * 16));
  std::memset(bytes, n, static_cast<size_t>(n) * 16);
  return leaf(bytes[n]) + recurse(3);
}

NOINLINE int realigned(int n) {
  alignas(64) char bytes[256];
  std::memset(bytes, n, sizeof bytes);
  return with_alloca(bytes[n] & 15) + 1;
}

NOINLINE int realigned_and_alloca(int n) {
  alignas(128) char bytes[256];
  char* more = static_cast<char*>(alloca(static_cast<size_t>(n) * 32));
  std::memset(bytes, n, sizeof bytes);
  std::memset(more, n, static_cast<size_t>(n) * 32);
  return realigned(more[1] & 7) + bytes[5];
}

NOINLINE int large_frame(int n) {
  char bytes[70000];
  std::memset(bytes, n, 64);
  bytes[69999] = 1;
  return realigned_and_alloca(4) + bytes[69999];
}

typedef double Vector __attribute__((vector_size(32)));
NOINLINE double vectors(const Vector* a, const Vector* b) {
  const Vector sum = *a * *b;
  leaf(1);
  return sum[0] + sum[3];
}

// --- library
// -----------------------------------------------------------------------------------------

static int compare(const void* a, const void* b) {
  return std::strcmp(*static_cast<char* const*>(a), *static_cast<char* const*>(b));
}

NOINLINE void library() {
  char text[512];
  char other[512];
  for (size_t n : {1, 7, 15, 31, 33, 63, 65, 127, 200, 400}) {
    std::memset(text, 'a', n);
    text[n] = 0;
    std::memcpy(other, text, n + 1);
    std::memmove(other + 1, other, n);
    sink = static_cast<int>(std::strlen(text)) + std::strcmp(text, other) +
           std::memcmp(text, other, n) + (std::strchr(text, 'b') != nullptr) +
           (std::strstr(text, "ab") != nullptr) + (std::memchr(text, 'x', n) != nullptr) +
           static_cast<int>(std::strcspn(text, "xyz"));
    std::strncpy(other, text, sizeof other);
    std::strcat(other, "end");
  }
  const char* words[] = {"pear", "apple", "fig", "kiwi", "date"};
  std::qsort(words, 5, sizeof words[0], compare);
  std::snprintf(text, sizeof text, "%s %d %.3f %lx", words[0], 42, 3.25, 255UL);
  std::vector<std::string> strings;
  for (int i = 0; i < 20; ++i)
    strings.push_back(std::to_string(i) + text);
  sink = static_cast<int>(std::strtol("1234", nullptr, 10) + std::atof("2.5"));
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now); // the vDSO
  sink = std::getenv("HOME") != nullptr;
  void* memory = std::malloc(100000);
  std::free(memory);
}

// --- exceptions
// --------------------------------------------------------------------------------------

struct Guard {
  ~Guard() { leaf(7); }
};
NOINLINE int thrower(int a) {
  if (a > 2)
    throw std::runtime_error("thrown");
  return a;
}
NOINLINE int passes(int a) {
  Guard guard;
  return thrower(a) + 1;
}
NOINLINE int catches(int a) {
  try {
    return passes(a);
  } catch (const std::exception& error) {
    return static_cast<int>(std::strlen(error.what()));
  }
}

// --- signals
// -----------------------------------------------------------------------------------------

static jmp_buf back;
static sigjmp_buf signal_back;

static void handler(int) {
  sink = recurse(2);
}
static void handler_with_info(int, siginfo_t*, void*) {
  sink = realigned(2);
}
static void jumping_handler(int) {
  siglongjmp(signal_back, 1);
}

static void on_signal(int signal, void (*function)(int), void (*with_info)(int, siginfo_t*, void*),
                      int flags) {
  struct sigaction action = {};
  if (with_info != nullptr)
    action.sa_sigaction = with_info;
  else
    action.sa_handler = function;
  action.sa_flags = flags | (with_info != nullptr ? SA_SIGINFO : 0);
  sigaction(signal, &action, nullptr);
}

NOINLINE void signals() {
  alignas(16) static char stack[65536];
  const stack_t alternate = {.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  sigaltstack(&alternate, nullptr);
  on_signal(SIGUSR1, handler, nullptr, 0);
  on_signal(SIGUSR2, nullptr, handler_with_info, SA_ONSTACK);
  raise(SIGUSR1);
  raise(SIGUSR2);
  on_signal(SIGFPE, jumping_handler, nullptr, SA_ONSTACK);
  if (sigsetjmp(signal_back, 1) == 0) {
    volatile int zero = 0;
    sink = 1 / zero;
  }
}

NOINLINE void jumper(int depth) {
  if (depth == 0)
    longjmp(back, 1);
  jumper(depth - 1);
  leaf(depth);
}
NOINLINE void jumps() {
  if (setjmp(back) == 0)
    jumper(4);
}

// --- coroutines
// --------------------------------------------------------------------------------------

static ucontext_t main_context;
static ucontext_t coroutine;

static void in_coroutine(int a, int b) {
  for (int i = 0; i < 2; ++i) {
    sink = recurse(a + b);
    swapcontext(&coroutine, &main_context);
  }
}

NOINLINE void coroutines() {
  static char stack[65536];
  getcontext(&coroutine);
  coroutine.uc_stack.ss_sp = stack;
  coroutine.uc_stack.ss_size = sizeof stack;
  coroutine.uc_link = &main_context;
  makecontext(&coroutine, reinterpret_cast<void (*)()>(in_coroutine), 2, 1, 2);
  for (int i = 0; i < 3; ++i)
    swapcontext(&main_context, &coroutine);
}

NOINLINE void child() {
  const pid_t pid = vfork();
  if (pid == 0)
    _exit(0);
  int status;
  waitpid(pid, &status, 0);
}

int main() {
  marker();
  sink = recurse(4) + large_frame(3);
  const Vector one = {1, 2, 3, 4};
  sink = static_cast<int>(vectors(&one, &one));
  signals();
  jumps();
  coroutines();
  child();
  library();
  for (int i = 0; i < 5; ++i)
    sink = catches(i);
  marker();
  return 0;
}
