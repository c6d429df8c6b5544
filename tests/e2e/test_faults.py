"""What goes wrong while it records: interrupts, deaths, stops, overflows. Names may miss, samples not."""
import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest
from harness import pprof, system, validity
from harness.paths import workload
from harness.processes import (Process, children_of, cpu_seconds, is_alive, run as run_program,
                               start_workload, state_of, wait_until)

pytestmark = pytest.mark.requires("bpf")


def test_first_interrupt_writes(pprofd):
    """Ctrl-C ends the recording, not the output; exit status 0."""
    with start_workload(workload("burn"), 0) as target:
        run = pprofd.start("record", "-p", target.pid).wait_started()
        wait_until(lambda: cpu_seconds(target.pid) > 0.5, "half a second of CPU time")
        run.finish(10).succeed()
    assert run.profile.cumulative("burn_cpu") > 10


def test_termination_writes_too(pprofd):
    """SIGTERM is as good as Ctrl-C."""
    with start_workload(workload("burn"), 0) as target:
        run = pprofd.start("record", "-p", target.pid).wait_started()
        wait_until(lambda: cpu_seconds(target.pid) > 0.5, "half a second of CPU time")
        run.process.signal(signal.SIGTERM)
        run.wait(10)
    assert run.profile.cumulative("burn_cpu") > 10


def test_second_interrupt_leaves_at_once(pprofd):
    """A second Ctrl-C leaves without waiting for the output; what stands there is whole."""
    with start_workload(workload("burn"), 0):
        run = pprofd.start("record", "--all").wait_started()
        for _ in range(2):
            run.interrupt()
        run.wait(2)  # reads and checks what is there


def test_target_that_ends_while_recorded(pprofd, assert_count):
    """A recording of one process ends with it, well before its duration, and has its samples."""
    with start_workload(workload("burn"), 1000, env={"WORKLOAD_WAIT": "1"}) as target:
        run = pprofd.start("record", "-p", target.pid, "-d", "60s").wait_started()
        target.signal(signal.SIGUSR1)
        run.wait(10).succeed()
    assert_count(run.profile.cumulative("burn_cpu"), 1.0, 99, run.profile.duration_nanos / 1e9)


def test_target_that_has_just_ended(pprofd):
    """A pid that has ended before the recording starts is an error that names it."""
    with start_workload(workload("burn"), 0) as target:
        pid = target.pid
    run = pprofd.run("record", "-p", pid, "-d", 1)
    assert run.status == 1 and str(pid) in run.stderr


def test_zombie_target(pprofd):
    """A process that is dead but not yet reaped can't be profiled; that is said."""
    parent = Process(["/usr/bin/python3", "-c", "import os, time; pid = os.fork(); pid or os._exit(0);"
                                                " print(pid, flush=True); time.sleep(60)"])
    with parent:
        pid = int(parent.read_line())
        wait_until(lambda: state_of(pid) == "Z", "a zombie")
        run = pprofd.run("record", "-p", pid, "-d", 1, seconds=10)
        assert run.status in (0, 1) and run.stderr


def test_target_killed_while_recorded(pprofd):
    """A process that is killed leaves its samples, symbolized, in the profile."""
    with start_workload(workload("burn"), 0) as target:
        run = pprofd.start("record", "-p", target.pid).wait_started()
        wait_until(lambda: cpu_seconds(target.pid) > 0.7, "CPU time")
        target.signal(signal.SIGKILL)
        run.wait(10).succeed()
    assert run.profile.cumulative("burn_cpu") > 10


def test_stopped_target(pprofd, assert_count):
    """A process stopped by SIGSTOP has no samples while it is stopped; it is profiled when it goes on."""
    with start_workload(workload("burn"), 0) as target:
        target.signal(signal.SIGSTOP)
        wait_until(lambda: state_of(target.pid) == "T", "a stopped process")
        before = cpu_seconds(target.pid)
        run = pprofd.start("record", "-p", target.pid).wait_started()
        target.signal(signal.SIGCONT)
        wait_until(lambda: cpu_seconds(target.pid) > before + 1, "a second of CPU time")
        target.signal(signal.SIGSTOP)
        wait_until(lambda: state_of(target.pid) == "T", "a stopped process")
        used = cpu_seconds(target.pid) - before
        run.finish(10).succeed()
    assert_count(run.profile.total, used, 99, run.profile.duration_nanos / 1e9, slack=3)
    assert run.profile.cumulative("burn_cpu") > 60


def test_target_stopped_from_the_start(pprofd):
    """A target that stays stopped does not keep pprofd from ending."""
    with start_workload(workload("burn"), 0) as target:
        target.signal(signal.SIGSTOP)
        wait_until(lambda: state_of(target.pid) == "T", "a stopped process")
        run = pprofd.run("record", "-p", target.pid, "-d", 1, seconds=10)
        assert run.status == 0, run.stderr


@pytest.mark.requires("gdb")
def test_traced_target(pprofd):
    """A process that a debugger holds and lets go on is profiled."""
    with start_workload(workload("burn"), 0) as target:
        with Process(["gdb", "-q", "-batch", "-nx", "-p", str(target.pid), "-ex", "continue"]):
            status = f"/proc/{target.pid}/status"
            wait_until(lambda: "TracerPid:\t0\n" not in open(status).read(), "gdb's attach")
            before = wait_until(lambda: state_of(target.pid) == "R" and cpu_seconds(target.pid), "running")
            wait_until(lambda: cpu_seconds(target.pid) > before + 0.05, "the process going on")
            run = pprofd.run("record", "-p", target.pid, "-d", 1).succeed()
    assert run.profile.cumulative("burn_cpu") > 10


def test_worker_killed_at_random_times(pprofd, long, assert_count):
    """The symbolizer's death costs names, never samples."""
    rng = random.Random(20)
    killed = 0
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(start_workload(workload("burn"), 6000 if long else 3000,
                                                    env={"WORKLOAD_WAIT": "1"}))
        run = pprofd.start("record", "--all", "-o", "out/").wait_started()
        stack.enter_context(Process([workload("spawner"), 40, 1, workload("burn"), 20]))
        target.signal(signal.SIGUSR1)
        while target.status is None:
            for worker in children_of(run.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                    killed += 1
            time.sleep(rng.uniform(0.02, 0.3))  # the random times that the test is about
        out, _ = target.wait()
        run.finish(30)
    assert killed > 3
    assert run.status == 0, run.stderr
    cpu = int(out.decode().split("cpu=")[1]) / 1e9
    profile = run.profile_of(target.pid)
    assert_count(profile.total, cpu, 99, profile.duration_nanos / 1e9, slack=3)


def test_worker_killed_while_names_are_asked(pprofd):
    """The worker that dies between the recording's end and the output does not keep the profile back."""
    with start_workload(workload("burn"), 0) as target:
        run = pprofd.start("record", "-p", target.pid, "-d", "700ms").wait_started()
        deadline = time.monotonic() + 20
        while run.status is None and time.monotonic() < deadline:
            for worker in children_of(run.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            time.sleep(0.001)
        run.wait(5)
    assert run.status == 0, run.stderr
    assert run.profile.total > 10
    assert "warning: symbolize: the worker " in run.stderr or run.profile.facts["frames.unsymbolized"] == "0"


@pytest.mark.long
def test_worker_that_hangs(pprofd):
    """A worker that stops answering is given up: the recording ends, names may miss."""
    with start_workload(workload("burn"), 0) as target:
        run = pprofd.start("record", "-p", target.pid, "-d", 2).wait_started()
        stopped = set()
        deadline = time.monotonic() + 40
        while run.status is None and time.monotonic() < deadline:
            for worker in set(children_of(run.pid)) - stopped:
                # A child that has not executed the worker yet shares pprofd's memory, and holds it up.
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{worker}/cmdline").read_bytes().startswith(b"pprofd: worker"):
                        os.kill(worker, signal.SIGSTOP)
                        stopped.add(worker)
            time.sleep(0.01)
        run.wait(5)
        for worker in stopped:
            assert not is_alive(worker), "a stopped worker is left behind"
    assert stopped and run.status == 0, run.stderr
    assert run.profile.total > 40


def test_ring_buffer_overflow_is_counted(pprofd):
    """At 5,000 Hz, with pprofd held up so that its buffer overflows, every sample is written or counted."""
    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(start_workload(workload("burn"), 0))
                   for _ in range(max(2, os.cpu_count()))]
        run = pprofd.start("record", "--all", "-F", 5000, "--merge", "-o", "all.pb.gz").wait_started()
        drops = system.maps_of(run.pid)["drops"]
        run.process.signal(signal.SIGSTOP)
        wait_until(lambda: sum(int.from_bytes(value[:8], "little") for _, value in system.entries_of(drops)) > 2000,
                   "the buffer to overflow", seconds=120, interval=0.5)
        run.process.signal(signal.SIGCONT)
        run.interrupt()
        wait_until(lambda: run.status is not None, "the end of the recording", seconds=60)
        assert all(target.status is None for target in targets)
    run.wait()
    assert run.status == 0, run.stderr
    facts = run.profile.facts
    lost = sum(int(v) for k, v in facts.items() if ".dropped." in k)
    assert lost > 1000, facts
    taken = int(facts["samples.taken"])
    # The machine was busy for all of the time: taken is CPUs x time x frequency.
    expected = run.profile.duration_nanos / 1e9 * 5000 * os.cpu_count()
    assert abs(taken - expected) < 0.1 * expected, f"{taken} taken, {expected:.0f} expected"


def test_busy_machine_at_the_highest_frequency(pprofd):
    """5,000 Hz on a busy machine: the accounting is exact whatever is dropped."""
    with contextlib.ExitStack() as stack:
        for _ in range(2 * os.cpu_count()):
            stack.enter_context(start_workload(workload("burn"), 0))
        run = pprofd.start("record", "--all", "-F", 5000, "-d", 3)
        wait_until(lambda: run.status is not None, "the end of the recording", seconds=60)
    run.wait().succeed()
    assert sum(profile.total for profile in run.profiles) > 10_000


def test_kill_leaves_nothing_attached(pprofd):
    """After SIGKILL no eBPF program, map or link of pprofd's is left, no worker, and no broken file."""
    with start_workload(workload("burn"), 0):
        run = pprofd.start("record", "--all", "-o", "out/").wait_started()
        held = system.bpf_ids_of(run.pid)
        assert {kind for kind, _ in held} >= {"prog", "map"}, held
        workers = children_of(run.pid)
        run.process.signal(signal.SIGKILL)
        run.process.wait(10)
        for kind in ("prog", "link", "map"):
            mine = {number for k, number in held if k == kind}
            wait_until(lambda: not mine & system.bpf_objects(kind), f"the end of pprofd's {kind}s")
        wait_until(lambda: not any(map(is_alive, workers)), "the end of the worker")
        run.check_profiles()


def test_kill_while_writing_leaves_whole_files(pprofd, long):
    """SIGKILL at any moment of the output leaves each file whole or absent."""
    rng = random.Random(30)
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(start_workload(workload("burn"), 0))
        for attempt in range(20 if long else 5):
            run = pprofd.start("record", "--all", "-F", 999, "-o", "out/").wait_started()
            time.sleep(0.2)  # a few samples; the moment of the kill is random
            run.interrupt()
            time.sleep(rng.uniform(0, 0.12))
            run.kill()
            for path in run.folder.rglob("*.pb.gz"):
                validity.check(pprof.read(path))
            assert attempt >= 0


def test_pids_beyond_the_limit_of_a_map(pprofd):
    """A list of a thousand pids is taken or refused with a sentence, never cut."""
    with Process(["sh", "-c", "for i in $(seq 300); do sleep 60 & done; echo ok; wait"]) as parent:
        parent.read_line()
        pids = children_of(parent.pid)
        run = pprofd.run("record", "-p", ",".join(map(str, pids)), "-d", 1)
        assert run.status == 0 or "pid" in run.stderr
    assert len(pids) == 300


def test_memory_stays_bounded_by_stacks(pprofd):
    """Memory grows with distinct stacks, not with time: a long stretch at 5,000 Hz adds next to nothing."""
    def memory():
        text = run_program(["grep", "-E", "^Rss(Anon|Shmem)", f"/proc/{run.pid}/status"])
        return sum(int(line.split()[1]) for line in text.splitlines())

    with start_workload(workload("burn"), 0) as target:
        run = pprofd.start("record", "-p", target.pid, "-F", 5000).wait_started()
        start = cpu_seconds(target.pid)
        wait_until(lambda: cpu_seconds(target.pid) > start + 2, "two seconds")
        early = memory()
        wait_until(lambda: cpu_seconds(target.pid) > start + 8, "eight seconds", 60)
        late = memory()
        run.finish(20).succeed()
    assert late - early < 4096, f"{early} KB grew to {late} KB"
