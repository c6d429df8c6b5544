/* map_code FILE OFFSET [LENGTH]: maps FILE from OFFSET (a multiple of the page size) as executable
 * and calls what stands there until SIGTERM: a function that returns after a while. FILE "-": the
 * code stands in anonymous memory. The file's other contents are the test's affair.
 *
 * map_code --write-code FILE OFFSET: puts such a function into FILE at OFFSET, and nothing else. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/workloads/workload.h"

/* push rbp; mov rbp,rsp; mov ecx,10000; loop: dec ecx; jnz loop; pop rbp; ret */
static const unsigned char kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xb9, 0x10, 0x27, 0x00,
                                      0x00, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3};

WORKLOAD_NOINLINE void call_mapped(void (*code)(void)) {
  while (!workload_stop_requested)
    code();
}

static void* map_file(const char* path, size_t length, off_t offset) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  void* memory =
      fd < 0 ? MAP_FAILED : mmap(NULL, length, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, offset);
  if (memory == MAP_FAILED)
    workload_fail(path);
  close(fd);
  return memory;
}

static void* map_anonymous(size_t length) {
  void* memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    workload_fail("mmap");
  memcpy(memory, kCode, sizeof kCode);
  if (mprotect(memory, length, PROT_READ | PROT_EXEC) != 0)
    workload_fail("mprotect");
  return memory;
}

static int write_code(const char* path, off_t offset) {
  const int fd = open(path, O_WRONLY | O_CREAT, 0644);
  if (fd < 0 || pwrite(fd, kCode, sizeof kCode, offset) != (ssize_t)sizeof kCode)
    workload_fail(path);
  return close(fd);
}

int main(int argc, char** argv) {
  if (argc < 3)
    return 2;
  if (strcmp(argv[1], "--write-code") == 0)
    return write_code(argv[2], argc > 3 ? atol(argv[3]) : 0);
  const size_t length = argc > 3 ? (size_t)atol(argv[3]) : 4096;
  void* code =
      strcmp(argv[1], "-") == 0 ? map_anonymous(length) : map_file(argv[1], length, atol(argv[2]));
  for (int i = 4; i < argc; ++i)
    map_file(argv[i], 4096, 0);
  workload_stop_on_signal();
  workload_ready();
  call_mapped((void (*)(void))code);
  return 0;
}
