"""The numbers are right: shares of functions, number of samples, from the first instruction to the last."""
import re
import signal
import time

import pytest
from harness.paths import workload
from harness.processes import start_workload
from harness.statistics import assert_share

pytestmark = pytest.mark.requires("bpf")
HERTZ = 99
ATTEMPTS = [0, 1, *(pytest.param(number, marks=pytest.mark.long) for number in range(2, 20))]
SHARES = {"alpha": 0.6, "beta": 0.3, "gamma_": 0.1}


def cpu_of(text):
    return int(re.search(r"\bcpu=(\d+)", text)[1]) / 1e9


@pytest.mark.parametrize("program", ["three_functions", "three_functions_clang"])
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_three_functions_share_time_6_3_1(pprofd, long, program, attempt, assert_count):
    """A running program is attached to, does its work, and ends: every sample of it, in its place."""
    with start_workload(workload(program), "10" if long else "5", env={"WORKLOAD_WAIT": "1"}) as target:
        run = pprofd.start("record", "-p", target.pid, "-F", HERTZ).wait_started()
        begin = time.monotonic()
        target.signal(signal.SIGUSR1)
        out, _ = target.wait(60)
        wall = time.monotonic() - begin
        profile = run.wait().succeed().profile
    assert_count(profile.total, cpu_of(out.decode()), HERTZ, wall)
    for name, share in SHARES.items():
        assert_share(profile.cumulative(name), profile.total, share)


@pytest.mark.parametrize("hertz", [1, 19, 997, 5000])
def test_frequency_is_kept(pprofd, hertz, assert_count):
    """The number of samples is CPU time x frequency over the whole range of frequencies."""
    run = pprofd.run("record", "-F", hertz, "--", workload("burn"), 2000).succeed()
    wall = run.profile.duration_nanos / 1e9
    assert_count(run.profile.total, cpu_of(run.stdout.decode()), hertz, wall)
    assert run.profile.facts["frequency"] == str(hertz)


def test_first_instruction_is_profiled(pprofd, assert_count):
    """A command whose work begins with its first instruction loses nothing of it."""
    run = pprofd.run("record", "-F", 999, "--", workload("spawner"), 1, 1, workload("first_instruction"))
    pid, status, ns = run.stdout.decode().split()
    assert (run.status, status) == (0, "7")
    profile = run.profile
    mine = profile.cumulative("_start_of_work")
    # The child's CPU time also has its execve, which is not its own function's.
    assert_count(mine, int(ns) / 1e9, 999, profile.duration_nanos / 1e9, relative=0.03, slack=3)


def test_several_threads_each_have_their_samples(pprofd):
    """Samples of two busy threads carry their thread ids and names, in equal parts, and none other's."""
    with start_workload(workload("threads"), 6, 2) as target:
        profile = pprofd.run("record", "-p", target.pid, "-d", 3).succeed().profile
    counts = profile.split_by("thread")
    assert set(counts) <= {"worker-4", "worker-5"}, counts
    assert len(profile.split_by("tid")) == len(counts) == 2
    for count in counts.values():
        assert_share(count, profile.total, 0.5, sigmas=6)


def test_idle_is_not_sampled(pprofd):
    """The idle task of a CPU is no process: nothing of pid 0 is recorded."""
    run = pprofd.run("record", "--all", "-d", 1).succeed()
    assert all(profile.facts["pid"] != "0" for profile in run.profiles)


def test_kernel_time_of_a_process(pprofd):
    """Time in system calls is told by kernel functions below the process's own."""
    with start_workload(workload("kernel_time")) as target:
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    kernel = [s for s in profile.samples if profile.frames(s)[0][1].is_kernel]
    assert sum(s.values[0] for s in kernel) >= 0.9 * profile.total
    assert profile.cumulative("read_zeros") >= 0.9 * profile.total
    assert "+0x" not in profile.frames(kernel[0])[0][0]
    assert any(m.file.startswith("[kernel.kallsyms]") for m in profile.mappings)


def test_without_kernel_stacks(pprofd):
    """With --no-kernel the samples stay and their kernel frames go."""
    with start_workload(workload("kernel_time")) as target:
        profile = pprofd.run("record", "-p", target.pid, "-F", 999, "-d", 1, "--no-kernel").succeed().profile
    assert profile.total > 10
    assert not any(mapping.is_kernel for mapping in profile.mappings)
    assert profile.cumulative("read_zeros") >= 0.9 * profile.total


def test_without_user_stacks(pprofd):
    """With --no-user only kernel frames stay; time outside the kernel is "[user]"."""
    with start_workload(workload("kernel_time")) as target:
        profile = pprofd.run("record", "-p", target.pid, "-F", 999, "-d", 1, "--no-user").succeed().profile
    assert profile.total > 10
    assert "read_zeros" not in profile.function_names()
    for sample in profile.samples:
        frames = profile.frames(sample)
        assert all(mapping and mapping.is_kernel for _, mapping in frames) or (
            [names for names, _ in frames] == ["[user]"])
