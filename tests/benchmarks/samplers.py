"""The samplers that kernel_time.py compares: pprofd, the OpenTelemetry eBPF profiler, and the kernel's walk by
frame pointers. All run at the same time, but only one samples at a time: its perf events are switched
from outside, so that none starts anew for each window and none warms the caches for another."""
import contextlib
import ctypes
import fcntl
import json
import os
import struct
import time
from pathlib import Path

import measure
import peer
from harness import pprof, system
from harness.paths import workload
from harness.processes import Process, run, start_workload, wait_until

PIDFD_GETFD = 438
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE = 0x2400, 0x2401
BPF_PROG_GET_FD_BY_ID = 13
WITH_TRACEFS = system.in_mount_namespace(
    "[ -d /sys/kernel/tracing/events ] || mount -t tracefs none /sys/kernel/tracing")
WALK = Path(__file__).resolve().parent / "frame_pointer_walk"


def copy_descriptor(pid, number):
    """A descriptor of ours for what another process's descriptor stands for."""
    target = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, target, number, 0)
    finally:
        os.close(target)
    if copy < 0:
        raise OSError(ctypes.get_errno(), f"pidfd_getfd {pid}")
    return copy


def program_descriptor(number):
    """A descriptor of the eBPF program with this id."""
    attributes = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0))
    found = ctypes.CDLL(None, use_errno=True).syscall(system.SYS["bpf"], BPF_PROG_GET_FD_BY_ID, attributes, 12)
    if found < 0:
        raise OSError(ctypes.get_errno(), f"eBPF program {number}")
    return found


def counts_time(event):
    """Whether a perf event counts: a clock does, the dummy events that follow processes do not."""
    with contextlib.suppress(OSError):
        return int.from_bytes(os.read(event, 256)[:8], "little") > 0
    return False


class Switch:
    """The sampling events of a running process."""

    def __init__(self, pid):
        self._events = []
        for entry in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                if "perf_event" in os.readlink(entry):
                    self._events.append(copy_descriptor(pid, int(entry.name)))
        for event in [event for event in self._events if not counts_time(event)]:
            os.close(event)
            self._events.remove(event)

    def __len__(self):
        return len(self._events)

    def turn(self, on):
        for event in self._events:
            fcntl.ioctl(event, PERF_EVENT_IOC_ENABLE if on else PERF_EVENT_IOC_DISABLE, 0)

    def close(self):
        for event in self._events:
            os.close(event)


class Sampler:
    """A running sampler: `process` until it ends, `switch` once `ready` has been called."""

    def __init__(self, process):
        self.process = process
        measure.prefer(process.pid)
        self.switch = None
        self._counters = None

    def ready(self):
        """Waits until it samples every CPU."""
        def sampling():
            assert self.process.status is None, f"{self.process.command}: ended early"
            switch = Switch(self.process.pid)
            if len(switch) >= measure.cpus():
                return switch
            switch.close()
            return None
        self.switch = wait_until(sampling, f"sampling by {self.process.command[0]}", 60, 0.1)
        def counting():
            self._counters = measure.Counters(self._counters_of())
            return self._counters.read()[1]
        wait_until(counting, "a first sample", 20, 0.1)

    def _counters_of(self):
        """The fdinfo files of its programs."""
        return list(Path(f"/proc/{self.process.pid}/fdinfo").glob("*"))

    def measure(self, seconds, settle, interval):
        """[(ns, runs)] of each interval of a window in which it alone samples."""
        readings = []
        self.switch.turn(True)
        try:
            time.sleep(settle)
            end, last = time.monotonic() + seconds, self._counters.read()
            while time.monotonic() < end:
                time.sleep(interval)
                now = self._counters.read()
                if now[1] > last[1]:
                    readings.append((now[0] - last[0], now[1] - last[1]))
                    last = now
        finally:
            self.switch.turn(False)
        return readings

    def close(self):
        if self.switch:
            self.switch.close()
        self.process.kill()


class Ours(Sampler):
    def __init__(self, pprofd, frequency):
        self._run = pprofd.start("record", "--all", "-F", frequency, "-o", "out/")
        super().__init__(self._run.process)

    def finish(self):
        """Ends it; returns its profiles."""
        self._run.interrupt()
        self.process.wait(120)
        self._run.succeed()
        return [pprof.read(path) for path in sorted(self._run.folder.rglob("*.pb.gz"))]


class Peer(Sampler):
    """The OpenTelemetry profiler and the receiver of its profiles. It wants tracefs, and ends where RLIMIT_MEMLOCK
    can't be raised: prlimit64 and setrlimit do nothing and answer 0. It holds no descriptor of its program."""

    def __init__(self, programs, frequency):
        profiler, receiver = programs
        self._before = system.bpf_objects("prog")
        self._program = None
        self._receiver = Process([receiver, "127.0.0.1:0"])
        address = self._receiver.read_line().removeprefix("ready ")
        super().__init__(Process(
            [*WITH_TRACEFS, workload("refuse"), "302=0", "160=0", "--", profiler,
             f"-collection-agent={address}", "-disable-tls",
             f"-samples-per-second={frequency}", "-reporter-interval=2s", "-tracers=native"],
            stdout=measure.NOWHERE, stderr=measure.NOWHERE))

    def _counters_of(self):
        found = json.loads(run([system.bpftool(), "-j", "prog", "show"]))
        entries = [entry["id"] for entry in found if str(entry["id"]) not in self._before
                   and entry.get("name", "").startswith("native_tracer")]
        if entries and self._program is None:
            self._program = program_descriptor(entries[0])
        return [] if self._program is None else [Path(f"/proc/self/fdinfo/{self._program}")]

    def finish(self):
        """Ends both; returns (samples with user frames, user frames)."""
        time.sleep(2.5)  # the last report
        self.process.signal(15)
        self.process.wait(60)
        samples, with_user, frames = map(int, self._receiver.stop(30).split())
        return with_user, frames

    def close(self):
        super().close()
        self._receiver.kill()
        if self._program is not None:
            os.close(self._program)


class KernelWalk(Sampler):
    def __init__(self, programs, frequency):
        super().__init__(start_workload(*programs, frequency))

    def finish(self):
        """Ends it; returns (stacks, frames)."""
        return tuple(map(int, self.process.stop().split()))


def build_walk():
    """The walk's program and its eBPF object."""
    program, code = peer.BUILD / "walk", peer.BUILD / "walk.bpf.o"
    sources = list(WALK.glob("walk.*"))
    measure.make(program, sources, ["cc", "-O2", "-o", program, WALK / "walk.c", "-lbpf"])
    measure.make(code, sources, ["clang-19", "-target", "bpf", "-O2", "-g", "-I/usr/include/x86_64-linux-gnu",
                                 "-c", WALK / "walk.bpf.c", "-o", code])
    return program, code
