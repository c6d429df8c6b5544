"""Processes as they come: short ones, those that change their program, lose their file, live elsewhere."""
import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from harness import system
from harness.paths import WORKLOADS, workload
from harness.processes import (Process, children_of, cpu_seconds, run as run_program, start_time_ticks,
                               start_workload, wait_until)

pytestmark = pytest.mark.requires("bpf")
HERTZ = 99


def spawned(text):
    """[(pid, exit status, CPU seconds)] of spawner's output."""
    return [(int(pid), int(status), int(ns) / 1e9) for pid, status, ns in map(str.split, text.splitlines())]


def test_short_processes_are_seen_named_and_symbolized(pprofd, long, record_property, assert_count):
    """500 processes of 50 ms, one after the other: each is seen, named, and its function known."""
    count = 500 if long else 100
    run = pprofd.start("record", "--all", "-o", "out/").wait_started()
    with Process([workload("spawner"), count, os.cpu_count(), workload("burn"), 50]) as spawner:
        out, _ = spawner.wait(120)
    run.finish(60).succeed()
    processes = spawned(out.decode())
    assert len(processes) == count
    expected = sum(cpu for _, _, cpu in processes) * HERTZ
    seen = [run.profile_of(pid) for pid, _, _ in processes if run.has_profile_of(pid)]
    named = [p for p in seen if p.facts["comm"] == "burn" and p.facts["exe"] == workload("burn")]
    symbolized = [p for p in named if p.cumulative("burn_cpu") > 0]
    for name, value in (("seen", seen), ("named", named), ("symbolized", symbolized)):
        record_property(name, len(value))
        print(f"{name}: {len(value)} of {count}")
    # A process of 50 ms that has its CPU for itself has at least 4 samples; one that has to share it runs
    # in short turns, and in 1 of 200 none of them meets a sample.
    assert len(seen) >= 0.98 * count
    assert len(named) == len(seen)
    assert len(symbolized) >= 0.99 * len(seen)
    # As many ran at a time as there are CPUs; what else ran took its part.
    wall = run.profiles[0].duration_nanos / 1e9 * os.cpu_count()
    assert_count(sum(p.total for p in seen), expected / HERTZ, HERTZ, wall, relative=0.05)


def test_processes_of_one_sample_are_named(pprofd):
    """Processes too short to be caught alive by anything that polls: what is sampled has its name."""
    run = pprofd.start("record", "--all", "-F", 999, "-o", "out/").wait_started()
    with Process([workload("spawner"), 200, 2, workload("burn"), 3]) as spawner:
        out, _ = spawner.wait(60)
    run.finish(60).succeed()
    pids = {pid for pid, _, _ in spawned(out.decode())}
    seen = [profile for profile in run.profiles if int(profile.facts["pid"]) in pids]
    assert len(seen) >= 0.95 * len(pids)
    named = [profile for profile in seen if profile.facts["comm"] == "burn"]
    assert len(named) >= 0.98 * len(seen)


def test_libraries_that_come_and_go(pprofd):
    """Two libraries take the same address in turn: each sample has the function of the one that was there."""
    arguments = [0, 30, f"{workload('plugin_a.so')}:plugin_a_work", f"{workload('plugin_b.so')}:plugin_b_work"]
    with start_workload(workload("dlopen_cycle"), *arguments) as target:
        profile = pprofd.run("record", "-p", target.pid, "-d", 4, "-F", 199).succeed().profile
    a, b = profile.cumulative("plugin_a_work"), profile.cumulative("plugin_b_work")
    assert a + b >= 0.8 * profile.total  # the rest is dlopen and dlclose, the kernel's part included
    assert abs(a - b) <= 0.15 * profile.total
    assert {Path(m.file).name for m in profile.mappings} >= {"plugin_a.so", "plugin_b.so"}


def test_exec_over_exec(pprofd, assert_count):
    """One pid, two programs: the samples of each have the functions of their own program. (An exec keeps
    the process's CPU clock: burn, told 1,600 ms, adds 900 to the 700 before it.)"""
    run = pprofd.run("record", "-o", "out/", "--", workload("exec_chain"), 700, workload("burn"), 1600)
    run.succeed()
    names = {}
    for profile in run.profiles:
        for function in ("before_exec", "burn_cpu"):
            names[function] = names.get(function, 0) + profile.cumulative(function)
    wall = run.profiles[0].duration_nanos / 1e9
    assert_count(names["before_exec"], 0.7, HERTZ, wall, relative=0.05, slack=3)
    assert_count(names["burn_cpu"], 0.9, HERTZ, wall, relative=0.05, slack=3)


def test_exec_while_attached(pprofd):
    """A process that is recorded by its pid stays the target after it has become another program."""
    with start_workload("sh", "-c", f"echo ready; kill -STOP $$; exec {workload('burn')} 1000") as target:
        run = pprofd.start("record", "-p", target.pid).wait_started()
        target.signal(signal.SIGCONT)
        run.wait(20).succeed()
    assert sum(profile.cumulative("burn_cpu") for profile in run.profiles) > 60


def test_executable_in_memory(pprofd):
    """A program run from a memfd is named and symbolized."""
    with start_workload(workload("exec_chain"), 1, f"memfd:{workload('burn')}", 0) as target:
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    assert profile.cumulative("burn_cpu") >= 0.9 * profile.total
    assert "memfd:in-memory" in profile.mappings[0].file


def test_executable_unlinked(pprofd, tmp_path):
    """A program whose file has been removed is symbolized all the same."""
    program = tmp_path / "short-lived-file"
    shutil.copy(workload("burn"), program)
    with start_workload(program, 0) as target:
        program.unlink()
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    assert profile.cumulative("burn_cpu") >= 0.9 * profile.total


def test_executable_replaced(pprofd, tmp_path):
    """A program whose path now holds another file is symbolized by the file that it runs."""
    program = tmp_path / "replaced"
    shutil.copy(workload("burn"), program)
    with start_workload(program, 0) as target:
        shutil.copy(workload("three_functions"), tmp_path / "new")
        os.replace(tmp_path / "new", program)
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    assert profile.cumulative("burn_cpu") >= 0.9 * profile.total
    assert "alpha" not in profile.function_names()


def test_library_unlinked(pprofd, tmp_path):
    """A library whose file has been removed is symbolized all the same."""
    library = tmp_path / "plugin.so"
    shutil.copy(workload("plugin_a.so"), library)
    with start_workload(workload("dlopen_cycle"), 1, 20000, f"{library}:plugin_a_work") as target:
        start = cpu_seconds(target.pid)
        wait_until(lambda: cpu_seconds(target.pid) > start + 0.05, "the library's work")
        library.unlink()
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    # The rest is in the system calls of its clock, whose caller has no frame of its own.
    assert profile.cumulative("plugin_a_work") >= 0.75 * profile.total


def test_ten_thousand_threads(pprofd):
    """A process with 10,000 threads: both busy ones are found, and it takes no unseemly time."""
    with start_workload(workload("threads"), 10000, 2) as target:
        start = time.monotonic()
        run = pprofd.run("record", "-p", target.pid, "-d", 2).succeed()
        elapsed = time.monotonic() - start
    assert elapsed < 15, f"{elapsed:.1f} s for a recording of 2 s"
    assert set(run.profile.split_by("thread")) >= {"worker-9998", "worker-9999"}
    assert run.profile.cumulative("busy_thread") >= 0.9 * run.profile.total


def test_same_pid_again(pprofd):
    """A pid that is used again by another program is another process: two profiles, each with its own."""
    run = pprofd.start("record", "--all", "-o", "out/").wait_started()
    with start_workload(workload("burn"), 0) as first:
        pid, first_start = first.pid, start_time_ticks(first.pid)
        wait_until(lambda: cpu_seconds(pid) > 0.3, "CPU time")
    second = start_with_pid(pid, workload("three_functions"), 1)
    try:
        second_start = start_time_ticks(pid)
        second.wait(20)
    finally:
        second.kill()
    run.finish(20).succeed()
    by_start = {int(p.facts["start_time"]): p for p in run.profiles if p.facts["pid"] == str(pid)}
    names = {path.name for path in run.paths}
    assert {f"{pid}-{first_start}.pb.gz", f"{pid}-{second_start}.pb.gz"} <= names
    assert len(by_start) == 2, by_start.keys()
    first, second = (by_start[start] for start in sorted(by_start))
    assert first.cumulative("burn_cpu") > 10 and not first.cumulative("alpha")
    assert second.cumulative("alpha") > 40 and not second.cumulative("burn_cpu")


def start_with_pid(pid, *command):
    """Starts a program that gets a certain pid, by way of the namespace's counter."""
    counter = Path("/proc/sys/kernel/ns_last_pid")
    for _ in range(200):
        counter.write_text(str(pid - 1))
        process = Process(command)
        if process.pid == pid:
            return process
        process.kill()
    pytest.skip(f"the pid {pid} could not be had again")


NAMESPACE = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private"]


@pytest.mark.requires("namespaces")
def test_other_mount_and_pid_namespace(pprofd, tmp_path):
    """A program in namespaces of its own, at a path that outside holds another file, is found there."""
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(workload("three_functions"), place / "program")  # what the path means outside
    script = f"mount -t tmpfs none {place}; cp {workload('burn')} {place}/program; exec {place}/program 0"
    with start_workload(*NAMESPACE, "sh", "-ec", script) as unshare:
        inner = wait_until(lambda: children_of(unshare.pid), "the program in the namespace")[0]
        run = pprofd.run("record", "-p", inner, "-d", 1).succeed()
    assert run.profile.cumulative("burn_cpu") >= 0.9 * run.profile.total
    assert run.profile.mappings[0].file == f"{place}/program"


@pytest.mark.requires("namespaces")
def test_short_processes_in_other_namespaces(pprofd, tmp_path):
    """Short processes whose file exists only in their own mount namespace are symbolized while another
    process lives there."""
    place = tmp_path / "place"
    place.mkdir()
    script = (f"mount -t tmpfs none {place}; cp {WORKLOADS}/burn {place}/inside; "
              f"{WORKLOADS}/spawner 20 1 {place}/inside 50; true")
    run = pprofd.start("record", "--all", "-o", "out/").wait_started()
    with Process([*NAMESPACE, "sh", "-ec", script]) as inside:
        inside.wait(30)
    run.finish(20).succeed()
    mine = [profile for profile in run.profiles if profile.facts.get("exe") == f"{place}/inside"]
    assert len(mine) >= 19
    assert sum(p.cumulative("burn_cpu") > 0 for p in mine) >= 0.95 * len(mine)


@pytest.mark.requires("namespaces")
def test_other_root(pprofd, tmp_path):
    """A program in a chroot is found below its own root."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy(workload("first_instruction"), root / "program")
    loop = f"while :; do chroot {root} /program; done"
    with Process(["sh", "-c", loop]):
        run = pprofd.run("record", "--comm", "program", "-d", 2, "-o", "out/").succeed()
    assert run.profiles
    total = sum(profile.total for profile in run.profiles)
    assert sum(profile.cumulative("_start_of_work") for profile in run.profiles) >= 0.9 * total


def test_processes_of_other_users(pprofd):
    """Another user's program is profiled by root."""
    with start_workload(*system.as_nobody(), workload("burn"), 0) as target:
        profile = pprofd.run("record", "-p", target.pid, "-d", 1).succeed().profile
    assert profile.cumulative("burn_cpu") > 10


def test_kernel_threads_are_named(pprofd):
    """Kernel threads that run have their name and only kernel frames."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(Process([workload("spawner"), 2000, 4, "true"]))
        run = pprofd.run("record", "--all", "-F", 4999, "-d", 2).succeed()
    threads = [p for p in run.profiles if not p.facts.get("exe") and
               all(mapping.is_kernel for mapping in p.mappings)]
    for profile in threads:
        assert profile.facts["comm"]
        assert int(profile.facts["stacks.complete"]) > 0
    assert threads, "no kernel thread ran for two seconds of forks: unlikely"


def test_arguments_are_no_secret_in_profiles(pprofd):
    """Neither arguments nor environment reach a profile, its name or its index."""
    secret = "s3cr3t-t0k3n"
    with start_workload(workload("burn"), 0, 1, secret, env={"PASSWORD": secret}) as target:
        run = pprofd.run("record", "--all", "-d", 1).succeed()
        profile = run.profile_of(target.pid)
    assert not any(secret in text for text in profile.strings)
    assert secret not in (run.folder / "profiles" / "index.tsv").read_text()
    assert secret not in run.stderr


def test_hostile_names(pprofd, tmp_path):
    """Names that a process chose, with separators, escapes and broken UTF-8, harm no file and no terminal."""
    for name in (b"../../evil", b"tab\there", b"\x1b[31mred", b"\xff\xfe", b"new\nline", b"#hidden"):
        folder = os.fsencode(tmp_path) + b"/programs"
        os.makedirs(folder, exist_ok=True)
        program = folder + b"/" + name.replace(b"/", b"_")
        shutil.copy(workload("burn"), program)
        with contextlib.ExitStack() as stack:
            target = stack.enter_context(start_workload(os.fsdecode(program), 0)
                                         if b"\xff" not in name else raw_start(program))
            run = pprofd.run("record", "--all", "-d", "500ms").succeed()
            assert run.profile_of(target.pid).total > 5
        assert "\x1b" not in run.stderr
        rows = (run.folder / "profiles" / "index.tsv").read_bytes().decode("utf-8").splitlines()
        assert len({row.count("\t") for row in rows if not row.startswith("#")}) == 1, rows
        assert all(path.parent == run.folder / "profiles" for path in run.paths)


def raw_start(program):
    """Starts a program whose path is no UTF-8."""
    return start_workload("sh", "-c", f'exec "{os.fsdecode(program)}" 0')
