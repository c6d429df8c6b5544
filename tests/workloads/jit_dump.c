/* jit_dump FOLDER: a JIT compiler that tells of its code in FOLDER/jit-PID.dump, and tells it late,
 * as those do that write through a buffer. It runs "alpha" for a while, then "beta" at the same
 * place, then beta where it has moved to; then it writes all of that, with the times at which it
 * happened, and runs on until SIGTERM. Alpha's loop stands in line 11 of alpha.src; of beta no line
 * is told. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>

#include "tests/workloads/workload.h"

enum { kPage = 4096, kMovedTo = 2048, kBetaAt = 64 };
static const int64_t kPhase = 700000000; /* ns */

/* mov ecx,1000000; loop: dec ecx; jnz loop; ret */
static const unsigned char kCode[] = {0xb9, 0x40, 0x42, 0x0f, 0x00, 0xff, 0xc9, 0x75, 0xfc, 0xc3};
enum { kLoopAt = 5 };
/* Beta is the same behind as many no-ops. */
static const size_t kAlphaSize = sizeof kCode;
static const size_t kBetaSize = kBetaAt + sizeof kCode;

static unsigned char dump[kPage];
static size_t dump_size;

static void put(const void* bytes, size_t size) {
  memcpy(dump + dump_size, bytes, size);
  dump_size += size;
}
static void put32(uint32_t value) {
  put(&value, sizeof value);
}
static void put64(uint64_t value) {
  put(&value, sizeof value);
}
static void put_text(const char* text) {
  put(text, strlen(text) + 1);
}
static void put_prefix(uint32_t id, size_t size, int64_t time) {
  put32(id);
  put32((uint32_t)size);
  put64((uint64_t)time);
}
static void put_process(void) {
  put32((uint32_t)getpid());
  put32((uint32_t)getpid());
}

static void put_header(void) {
  put32(0x4a695444);
  put32(1);
  put32(40);
  put32(62);
  put32(0);
  put32((uint32_t)getpid());
  put64(0);
  put64(0);
}

static void put_load(int64_t time, const unsigned char* code, size_t size, const char* name) {
  put_prefix(0, 56 + strlen(name) + 1 + size, time);
  put_process();
  put64((uint64_t)code);
  put64((uint64_t)code);
  put64(size);
  put64(1);
  put_text(name);
  put(code, size);
}

static void put_move(int64_t time, const unsigned char* from, const unsigned char* to,
                     size_t size) {
  put_prefix(1, 64, time);
  put_process();
  put64((uint64_t)to);
  put64((uint64_t)from);
  put64((uint64_t)to);
  put64(size);
  put64(1);
}

static void put_line(const unsigned char* address, uint32_t line, const char* file) {
  put64((uint64_t)address);
  put32(line);
  put32(0);
  put_text(file);
}

/* The second file's name is that of the first, which has a word of its own. */
static void put_lines_of_alpha(int64_t time, const unsigned char* code) {
  put_prefix(2, 32 + 16 + strlen("alpha.src") + 1 + 16 + 2, time);
  put64((uint64_t)code);
  put64(2);
  put_line(code, 10, "alpha.src");
  put_line(code + kLoopAt, 11, "\xff");
}

/* Keeps its name and its frame, so that the code's caller is known. */
WORKLOAD_NOINLINE void run_code(const unsigned char* code, int64_t until) {
  void (*function)(void);
  memcpy(&function, &code, sizeof function);
  while (!workload_stop_requested && process_cpu_ns() < until)
    function();
}

static void write_code(unsigned char* memory, size_t offset, size_t no_ops) {
  if (mprotect(memory, kPage, PROT_READ | PROT_WRITE) != 0)
    workload_fail("mprotect");
  memset(memory + offset, 0x90, no_ops);
  memcpy(memory + offset + no_ops, kCode, sizeof kCode);
  if (mprotect(memory, kPage, PROT_READ | PROT_EXEC) != 0)
    workload_fail("mprotect");
}

/* The mapping by which the file is found. */
static int open_dump(const char* folder) {
  char path[kPage];
  snprintf(path, sizeof path, "%s/jit-%d.dump", folder, (int)getpid());
  const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || mmap(NULL, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
    workload_fail(path);
  return fd;
}

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  const int fd = open_dump(argv[1]);
  unsigned char* code =
      mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED)
    workload_fail("mmap");
  workload_stop_on_signal();
  workload_ready();

  put_header();
  write_code(code, 0, 0);
  const int64_t alpha_at = workload_clock(CLOCK_MONOTONIC);
  put_lines_of_alpha(alpha_at, code);
  put_load(alpha_at, code, kAlphaSize, "alpha");
  run_code(code, process_cpu_ns() + kPhase);

  write_code(code, 0, kBetaAt);
  put_load(workload_clock(CLOCK_MONOTONIC), code, kBetaSize, "beta");
  run_code(code, process_cpu_ns() + kPhase);

  write_code(code, kMovedTo, kBetaAt);
  put_move(workload_clock(CLOCK_MONOTONIC), code, code + kMovedTo, kBetaSize);
  run_code(code + kMovedTo, process_cpu_ns() + kPhase);

  if (write(fd, dump, dump_size) != (ssize_t)dump_size)
    workload_fail("write the jitdump");
  puts("told");
  fflush(stdout);
  run_code(code + kMovedTo, INT64_MAX);
  return 0;
}
