#!/usr/bin/python3
"""cost.py [--frequency HZ] [--seconds N] [--load PROGRAM]: what a recording of the whole machine costs while
every CPU is busy: kernel time a sample (the kernel's eBPF statistics), CPU time and memory of pprofd's
processes, memory of its maps, time from the end of the duration to the exit, and time from the start
to the first sample. Needs root and the release build; prints a table."""
import argparse
import contextlib
import statistics
import time

import measure
from harness.paths import workload
from harness.processes import start_workload, wait_until


def steady_cost(pprofd, arguments):
    """One recording, watched over its middle."""
    run = pprofd.start("record", "--all", "-F", arguments.frequency, "-o", "out/").wait_started()
    measure.sleep_until(time.monotonic() + 2)  # files and symbols of the load have been met
    begin, cpu, counters = time.monotonic(), measure.cpu_of_family(run.pid), measure.program_counters(run.pid)
    measure.sleep_until(begin + arguments.seconds)
    elapsed = time.monotonic() - begin
    nanoseconds, samples = measure.kernel_cost(counters, measure.program_counters(run.pid))
    share = (measure.cpu_of_family(run.pid) - cpu) / elapsed
    rows = [
        ("samples in the window", samples),
        ("kernel time a sample", f"{nanoseconds / 1000:.2f} us"),
        ("kernel time, share of the CPUs", f"{nanoseconds * samples / elapsed / 1e7 / measure.cpus():.4f} %"),
        ("user space, share of one CPU", f"{100 * share:.3f} %"),
        ("eBPF maps", f"{measure.map_bytes(run.pid) / 1e6:.1f} MB"),
    ]
    for what, pid in measure.family(run.pid):
        own, resident, peak = measure.memory(pid)
        rows.append((f"{what}: anonymous + shared / resident / peak", f"{own:.1f} / {resident:.1f} / {peak:.1f} MB"))
    run.finish().succeed()
    return rows


def exit_delay(pprofd, seconds):
    """Seconds from the end of `-d N` to the exit, of which the profile tells the length: warm caches."""
    begin = time.monotonic()
    run = pprofd.start("record", "--all", "-d", seconds, "-o", "out/")
    wait_until(lambda: run.status is not None, "the end", seconds + 30, interval=0.001)
    elapsed = time.monotonic() - begin
    run.wait().succeed()
    return elapsed - seconds, len(run.profiles)


def first_sample_delay(pprofd):
    """Seconds from the start of the program to its first sample on a busy machine."""
    begin = time.monotonic()
    run = pprofd.start("record", "--all", "-F", 999, "-o", "out/")
    wait_until(lambda: any(runs for _, runs in measure.program_counters(run.pid).values()), "a sample", 20, 0.001)
    delay = time.monotonic() - begin
    run.finish().succeed()
    return delay


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frequency", type=int, default=99)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--load", default="three_functions")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        stack.enter_context(measure.bpf_statistics())
        pprofd = stack.enter_context(measure.scratch())
        for _ in range(measure.cpus()):
            stack.enter_context(start_workload(workload(arguments.load)))
        rows = steady_cost(pprofd, arguments)
        delays = [exit_delay(pprofd, 10) for _ in range(2)]
        firsts = [first_sample_delay(pprofd) for _ in range(5)]
    rows += [
        ("exit after -d 10, beyond 10 s: cold, warm", ", ".join(f"{delay:.3f} s" for delay, _ in delays)),
        ("start to first sample, median of 5", f"{1000 * statistics.median(firsts):.0f} ms"),
    ]
    print(f"{arguments.frequency} Hz, {measure.cpus()} CPUs busy with {arguments.load}")
    measure.table(rows)


if __name__ == "__main__":
    main()
