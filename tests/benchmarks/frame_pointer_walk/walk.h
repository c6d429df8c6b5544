/* What walk.bpf.c counts for walk.c, per CPU. */
#pragma once

#include <linux/bpf.h>

enum { kMaxFrames = 127 }; /* kernel.perf_event_max_stack's default */

struct walks {
  __u64 count;
  __u64 frames;
  __u64 stack[kMaxFrames];
};
