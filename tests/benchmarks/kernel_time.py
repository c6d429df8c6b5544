#!/usr/bin/python3
"""kernel_time.py [--quick] [--frequency HZ…] [--seconds N] [--rounds N] [--warm N] [LOAD…]: kernel time a sample
of pprofd, beside the OpenTelemetry eBPF profiler's and the kernel's own walk of frame pointers, in one run.

The three run at the same time on the same load, of which every CPU runs a copy. In turn each samples
alone for a window, several rounds, so that what else the machine does meets all alike. The kernel's
walk, which is bpf_get_stack(BPF_F_USER_STACK) and nothing else, is measured on a build of the same load
with frame pointers, which replaces the other for its windows; the system's programs have no such
build. The peer is built from its registry's module at the version that otel/go.mod pins.

The figures are the kernel's eBPF statistics (run time of the programs / runs), read some ten
milliseconds apart: median and 99th percentile are those of such readings, each the mean of the few
runs that the column `n` tells, not of single runs; `mean` is over all. `stolen` CPU time is in them.
`frames` are the user frames of a stack, `load` the share of our samples that met the load,
`complete` the share of its stacks that reach the thread's root; all of the whole recording.
LOADs: shallow 30 100 functions clang python openssl mix. Needs root, the release build, Go, clang-19."""
import argparse
import contextlib
import signal
import statistics
import sys
import tempfile
import time
from collections import namedtuple

import loads
import measure
import mix
import peer
import samplers

Figures = namedtuple("Figures", "median p99 mean runs_a_reading runs")


def figures(readings):
    """Of [(ns, runs)], in microseconds."""
    if not readings:
        return None
    each = sorted(nanoseconds / runs / 1000 for nanoseconds, runs in readings)
    runs = sum(runs for _, runs in readings)
    return Figures(statistics.median(each), each[min(len(each) - 1, int(0.99 * len(each)))],
                   sum(nanoseconds for nanoseconds, _ in readings) / runs / 1000, runs / len(readings), runs)


class Comparison:
    """One load at one frequency."""

    def __init__(self, load, frequency, arguments, programs):
        self._load, self._frequency, self._arguments = load, frequency, arguments
        self._stack = contextlib.ExitStack()
        self._start(programs)

    def _keep(self, what):
        self._stack.callback(what.close)
        return what

    def _start(self, programs):
        with contextlib.ExitStack() as undo:
            undo.callback(self._stack.close)
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pprofd-benchmark-"))
            pprofd = self._stack.enter_context(measure.scratch())
            self._ours = self._keep(samplers.Ours(pprofd, self._frequency))
            self._peer = self._keep(samplers.Peer(programs["peer"], self._frequency))
            self._samplers = [self._ours, self._peer]
            self._walk = self._twin = None
            if self._load.with_frame_pointers:
                self._walk = self._keep(samplers.KernelWalk(programs["walk"], self._frequency))
                self._samplers.append(self._walk)
            for sampler in self._samplers:
                sampler.ready()
                sampler.switch.turn(False)
            self._running = self._keep(loads.Running(loads.commands_of(self._load, folder), folder))
            if self._walk:
                self._twin = self._keep(loads.Running([self._load.with_frame_pointers] * measure.cpus(), folder))
                self._twin.stop()
            undo.pop_all()

    def close(self):
        self._stack.close()

    def _window(self, sampler):
        if sampler is self._walk:
            self._running.stop()
            self._twin.go_on()
        try:
            return sampler.measure(self._arguments.seconds, self._arguments.settle, self._interval)
        finally:
            if sampler is self._walk:
                self._twin.stop()
                self._running.go_on()

    @property
    def _interval(self):
        """Seconds between readings: not below what reading costs, and two ticks at least."""
        return max(0.01, 2 / self._frequency)

    def run(self):
        """{sampler: figures}."""
        for on in (True, False):
            for sampler in (self._ours, self._peer):  # the kernel has no tables to prepare
                sampler.switch.turn(on)
            time.sleep(self._arguments.warm if on else 0)
        readings = {sampler: [] for sampler in self._samplers}
        for number in range(self._arguments.rounds):
            first = number % len(self._samplers)
            for sampler in self._samplers[first:] + self._samplers[:first]:
                readings[sampler] += self._window(sampler)
        return {sampler: figures(found) for sampler, found in readings.items()}

    def rows(self):
        """The two lines of the tables."""
        found = self.run()
        ours, theirs, walk = (found.get(sampler) for sampler in (self._ours, self._peer, self._walk))
        times = [self._load.name, self._frequency, *columns(ours), *columns(theirs), *columns(walk),
                 ratio(ours, theirs), ratio(ours, walk)]
        return times, [self._load.name, self._frequency, *self._stacks(ours, theirs, walk)]

    def _stacks(self, ours, theirs, walk):
        profiles = self._ours.finish()
        of_load = [p for p in profiles if self._load.executable in (None, p.facts.get("exe"))]
        sums = mix.totals(of_load)
        written = sums.get("samples.written", 0)
        return [*(each.runs if each else "-" for each in (ours, theirs, walk)),
                f"{user_frames(of_load):.1f}", mean(*self._peer.finish()),
                mean(*self._walk.finish()) if self._walk else "-",
                mix.percent(written, mix.totals(profiles).get("samples.written", 0)),
                mix.percent(sums.get("stacks.complete", 0), written), reasons(sums)]


def user_frames(profiles):
    """Mean user frames of a stack that has any."""
    stacks = frames = 0
    for profile in profiles:
        for sample in profile.samples:
            depth = sum(mapping is None or not mapping.is_kernel for _, mapping in profile.frames(sample))
            if depth:
                stacks += sample.values[0]
                frames += depth * sample.values[0]
    return frames / max(stacks, 1)


def reasons(sums):
    prefix = "stacks.incomplete."
    return " ".join(f"{key.removeprefix(prefix)}={count}" for key, count in sums.items()
                    if key.startswith(prefix) and count)


def mean(count, total):
    return f"{total / count:.1f}" if count else "-"


def columns(found):
    return ["-"] * 4 if found is None else [f"{value:.2f}" for value in found[:3]] + [f"{found.runs_a_reading:.0f}"]


def ratio(ours, other):
    return f"{ours.median / other.median:.3f}" if ours and other else "-"


def print_table(head, rows):
    rows = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print(row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:])))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short windows, few rounds: about eight minutes")
    parser.add_argument("--frequency", type=int, nargs="+", default=[99, 999])
    parser.add_argument("--seconds", type=float, help="of a window (default: 3; --quick: 1.5)")
    parser.add_argument("--rounds", type=int, help="default: 12; --quick: 4")
    parser.add_argument("--warm", type=float, help="seconds in which both meet the load (default: 15; --quick: 8)")
    parser.add_argument("loads", metavar="LOAD", nargs="*", help=f"of {' '.join(loads.LOADS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.loads) - set(loads.LOADS):
        parser.error(f"no such load: {' '.join(unknown)}")
    arguments.seconds = arguments.seconds or (1.5 if arguments.quick else 3)
    arguments.rounds = arguments.rounds or (4 if arguments.quick else 12)
    arguments.settle = 0.3  # what follows processes has met those that came while another sampled
    arguments.warm = arguments.warm or (8 if arguments.quick else 15)
    return arguments


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started and set is undone
    chosen = [loads.LOADS[name]() for name in arguments.loads or loads.LOADS]
    programs = {"peer": peer.build(peer.PROFILER, peer.RECEIVER), "walk": samplers.build_walk()}
    times, stacks = [], []
    with measure.bpf_statistics():
        for load in chosen:
            for frequency in arguments.frequency:
                with contextlib.closing(Comparison(load, frequency, arguments, programs)) as comparison:
                    row, stack = comparison.rows()
                print(" ".join(map(str, row + stack[2:])), flush=True)
                times.append(row)
                stacks.append(stack)
    each = ("median", "p99", "mean", "n")
    print(f"\nkernel time a sample, us; {measure.cpus()} CPUs, {arguments.rounds} windows of {arguments.seconds:g} s")
    print_table(["load", "Hz", *(f"{who}:{what}" for who in ("ours", "otel", "walk") for what in each),
                 "ours/otel", "ours/walk"], times)
    print("\nstacks (of ours, all but `load` are of the load's processes)")
    print_table(["load", "Hz", "runs:ours", "otel", "walk", "frames:ours", "otel", "walk", "load", "complete",
                 "incomplete"], stacks)


if __name__ == "__main__":
    main()
