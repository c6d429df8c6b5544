/* first_instruction: a static program without a C library whose very first instructions are its
 * work: about an eighth of a second in the function _start_of_work, then exit status 7. What a
 * profiler that attaches late misses is missing from its samples. */
__attribute__((noinline, used)) void _start_of_work(void) {
  volatile unsigned value = 1;
  for (long i = 0; i < 100000000L; ++i)
    value = value * 1664525U + 1013904223U;
}

__attribute__((naked, noreturn, used)) void _start(void) {
  __asm__ volatile("xor %ebp, %ebp\n"
                   "call _start_of_work\n"
                   "mov $231, %eax\n" /* exit_group */
                   "mov $7, %edi\n"
                   "syscall\n");
}
