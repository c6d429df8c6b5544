// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The kernel's own walk of the user stack by frame pointers, and nothing else: what a sampler that
 * leaves the stack to the kernel pays at least. */
#include "walk.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct walks);
} result SEC(".maps");

SEC("perf_event")
int walk(void* context) {
  const __u32 zero = 0;
  struct walks* walks = bpf_map_lookup_elem(&result, &zero);
  if (!walks)
    return 0;
  const long bytes = bpf_get_stack(context, walks->stack, sizeof walks->stack, BPF_F_USER_STACK);
  if (bytes > 0) {
    walks->count++;
    walks->frames += (__u64)bytes / sizeof walks->stack[0];
  }
  return 0;
}
