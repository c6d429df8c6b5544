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

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "--write-code") == 0) {
    const int fd = open(argv[2], O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || pwrite(fd, kCode, sizeof kCode, atol(argv[3])) != (ssize_t)sizeof kCode)
      workload_fail(argv[2]);
    return 0;
  }
  if (argc < 3)
    return 2;
  const size_t length = argc > 3 ? (size_t)atol(argv[3]) : 4096;
  const int protection = PROT_READ | PROT_EXEC;
  void* code;
  if (strcmp(argv[1], "-") == 0) {
    code = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code != MAP_FAILED)
      memcpy(code, kCode, sizeof kCode);
    if (code == MAP_FAILED || mprotect(code, length, protection) != 0)
      workload_fail("mmap");
  } else {
    const int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    code = fd < 0 ? MAP_FAILED : mmap(NULL, length, protection, MAP_PRIVATE, fd, atol(argv[2]));
    if (code == MAP_FAILED)
      workload_fail(argv[1]);
    close(fd);
  }
  workload_stop_on_signal();
  workload_ready();
  call_mapped((void (*)(void))code);
  return 0;
}
