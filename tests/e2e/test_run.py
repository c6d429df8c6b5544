"""The service: windows without a gap, its limits, its signals, what it keeps and what it forgets."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from harness import system
from harness.paths import PPROFD, ROOT, workload
from harness.processes import (Process, children_of, cpu_seconds, is_alive, run as run_program,
                               start_workload, wait_until)
from harness.service import of

bpf = pytest.mark.requires("bpf")


# --- windows ----------------------------------------------------------------------------------------

@bpf
def test_windows_have_all_samples_and_no_gap(service, assert_count):
    """A program that works through several windows of a second: its samples are its CPU time x frequency,
    and each window begins where the one before it ended."""
    run = service("frequency = 99\nwindow = \"1s\"").wait_started()
    with start_workload(workload("burn"), 6000, env={"WORKLOAD_WAIT": "1"}) as target:
        target.signal(signal.SIGUSR1)
        out, _ = target.wait(60)
    run.stop()
    cpu = int(out.decode().split("cpu=")[1]) / 1e9
    mine = of(run.profiles(), target.pid)
    assert len(mine) >= 6
    wall = sum(p.duration_nanos for p in mine) / 1e9
    assert_count(sum(p.cumulative("burn_cpu") for p in mine), cpu, 99, wall, slack=3)
    for one, next_one in zip(mine, mine[1:]):
        gap = next_one.time_nanos - (one.time_nanos + one.duration_nanos)
        assert abs(gap) < 5e6, f"{gap / 1e6} ms between two windows"
    # Windows of a second begin at whole seconds.
    for profile in mine[1:]:
        assert min(profile.time_nanos % 10**9, 10**9 - profile.time_nanos % 10**9) < 0.15e9


@bpf
def test_every_sample_of_the_kernel_is_in_one_window(service):
    """What the kernel counted as taken is what all windows say together: none lost between windows, none
    counted twice, at 999 Hz with short windows and processes that come and go."""
    run = service("frequency = 999\nwindow = \"200ms\"").wait_started()
    with contextlib.ExitStack() as stack:
        stack.enter_context(start_workload(workload("burn"), 0))
        with Process([workload("spawner"), 60, 2, workload("burn"), 30]) as spawner:
            spawner.wait(60)
        maps = system.maps_of(run.pid)
        run.process.signal(signal.SIGTERM)
        run.process.wait(20)
    assert run.process.status == 0, run.log
    assert maps["counters"]
    profiles = run.profiles(accepted=False)
    in_profiles = sum(int(p.facts["samples.taken"]) for p in profiles)
    written = sum(p.total for p in profiles)
    said = re.search(r"msg=stopped windows=\d+ samples=(\d+) not_targets=0 kernel_samples=(\d+)", run.log)
    assert said, run.log
    taken, kernel = int(said[1]), int(said[2])
    late = re.search(r"not all written in time\" samples=(\d+)", run.log)  # said where the disk is slow
    assert taken + int(late[1] if late else 0) == kernel, run.log
    unattributed = {int(p.facts.get("host.samples.dropped.unattributed", 0)) for p in profiles}
    if unattributed == {0}:
        assert in_profiles == taken
    assert written > 1000


@bpf
def test_short_processes_are_named_in_each_window(service):
    """Processes of 30 ms, all along: those of every window have their name, their file and their function."""
    run = service("frequency = 99\nwindow = \"1s\"").wait_started()
    with Process([workload("spawner"), 150, 2, workload("burn"), 30]) as spawner:
        out, _ = spawner.wait(120)
    run.stop()
    pids = {line.split()[0] for line in out.decode().splitlines()}
    mine = [p for p in run.profiles() if p.facts["pid"] in pids]
    assert len({p.facts["pid"] for p in mine}) >= 0.85 * len(pids)  # 30 ms are three samples on average
    named = [p for p in mine if p.facts["comm"] == "burn" and p.facts.get("exe") == workload("burn")]
    assert len(named) >= 0.98 * len(mine)
    assert sum(p.cumulative("burn_cpu") > 0 for p in named) >= 0.9 * len(named)
    assert {p.facts["service"] for p in named} == {"burn"}


@bpf
def test_a_part_of_each_window(service, assert_count):
    """With collect = 300 ms in windows of a second, three tenths of the time are sampled, and said."""
    with start_workload(workload("burn"), 0) as target:
        run = service("frequency = 99\nwindow = \"1s\"\ncollect = \"300ms\"").wait_started()
        run.wait_windows(7)
        run.stop()
        mine = of(run.profiles(), target.pid)
    whole = mine[1:-1]  # the first and the last may be cut
    assert len(whole) >= 4
    for profile in whole:
        assert abs(profile.duration_nanos - 0.3e9) < 0.12e9
    starts = [p.time_nanos for p in whole]
    for one, next_one in zip(starts, starts[1:]):
        assert abs(next_one - one - 1e9) < 0.3e9 or abs(next_one - one - 2e9) < 0.3e9
    for profile in whole:
        assert profile.total <= profile.duration_nanos / 1e9 * 99 + 3


@bpf
def test_termination_writes_the_running_window(service):
    """SIGTERM in the middle of a long window: the profiles are there within 5 s."""
    with start_workload(workload("burn"), 0) as target:
        run = service("frequency = 99\nwindow = \"1h\"").wait_started()
        start = cpu_seconds(target.pid)
        wait_until(lambda: cpu_seconds(target.pid) > start + 2, "two seconds of CPU time", 60)
        took = run.stop()
        mine = of(run.profiles(), target.pid)
    assert took < 5, run.log
    assert sum(p.cumulative("burn_cpu") for p in mine) > 150


@bpf
def test_kill_leaves_nothing_attached(service):
    """After SIGKILL no eBPF program or map is left, no worker, and no broken file."""
    with start_workload(workload("burn"), 0):
        run = service("frequency = 99\nwindow = \"200ms\"").wait_started()
        run.wait_windows(3)
        held = system.bpf_ids_of(run.pid)
        workers = children_of(run.pid)
        run.process.signal(signal.SIGKILL)
        run.process.wait(10)
    for kind in ("prog", "link", "map"):
        mine = {number for k, number in held if k == kind}
        wait_until(lambda: not mine & system.bpf_objects(kind), f"the end of its {kind}s")
    wait_until(lambda: not any(map(is_alive, workers)), "the end of the worker")
    assert run.profiles()


# --- what it forgets --------------------------------------------------------------------------------

def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(re.search(rf"{kind}:\s*(\d+)", status)[1]) for kind in ("RssAnon", "RssShmem")) * 1024


@bpf
def test_nothing_grows_with_time(service, long, tmp_path):
    """Hundreds of accelerated windows in which processes come and go, each a new file: what is known of
    processes, mappings and files, and the memory, return to where they were."""
    run = service("frequency = 199\nwindow = \"200ms\"\n[store]\nmax_size = \"20MB\"").wait_started()
    script = (f"i=0; while :; do i=$((i + 1)); p={tmp_path}/program-$i; cp {workload('burn')} $p; $p 8; rm $p; "
              f"{workload('burn')} 3; done")
    with Process(["sh", "-c", script]):
        def made():
            return run.metric("pprofd_windows_total")

        def held(what):
            return run.metric(f"pprofd_{what}")

        wait_until(lambda: made() >= 1, "windows")
        processes, executables, mappings = map(held, ("processes", "executables", "mappings"))
        wait_until(lambda: made() >= (30 if not long else 200), "windows", 120, 0.2)
        before = resident(run.pid) + resident(run.serve)
        descriptors = len(os.listdir(f"/proc/{run.pid}/fd"))
        wait_until(lambda: made() >= (100 if not long else 5200), "windows", 1500, 0.2)
        after = resident(run.pid) + resident(run.serve)
        descriptors_after = len(os.listdir(f"/proc/{run.pid}/fd"))
    # Windows that wait for names have their processes still.
    wait_until(lambda: held("processes") < processes + 40, "no more processes than at first", 120, 0.2)
    wait_until(lambda: held("mappings") < mappings + 400, "no more mappings than at first", 60, 0.2)
    names = 20e6  # of files that are gone are kept up to a tenth of the memory's limit
    assert after < before + names + 5e6, f"{before / 1e6:.1f} MB grew to {after / 1e6:.1f} MB"
    assert descriptors_after < descriptors + 300
    kept = 256  # files without a process that are kept in case they come back
    assert held("executables") < executables + kept + 40
    run.stop()


# --- operation --------------------------------------------------------------------------------------

@bpf
def test_reload(service):
    """SIGHUP takes a new configuration; a broken one changes nothing and is said, with its place."""
    with start_workload(workload("burn"), 0) as target:
        run = service("frequency = 99\nwindow = \"300ms\"").wait_started()
        run.wait_windows(2)
        run.configure("frequency = 99\nwindow = \"300ms\"\nexclud = [\"comm:burn\"]")
        run.process.signal(signal.SIGHUP)
        run.wait_log(r"not reloaded.*pprofd.toml:3:1: exclud.*unknown key.*did you mean exclude")
        seen = len(run.windows())
        run.wait_windows(seen + 3)
        run.configure("frequency = 49\nwindow = \"300ms\"\nexclude = [\"comm:burn\"]\n[labels]\nenv = \"test\"")
        run.process.signal(signal.SIGHUP)
        run.wait_log("configuration reloaded")
        time_of_reload = time.time_ns()
        wait_until(lambda: run.windows()[-1] > time_of_reload + 1e9, "a window after the reload", 60)
        run.stop()
    profiles = run.profiles()
    mine = of(profiles, target.pid)
    assert mine and max(p.time_nanos for p in mine) < time_of_reload + 1e9
    late = [p for p in profiles if p.time_nanos > time_of_reload + 1e9]
    assert late
    for profile in late:
        assert profile.facts["env"] == "test" and profile.facts["frequency"] == "49"
        assert profile.period == 10**9 // 49


@bpf
def test_include_and_exclude(service):
    """Only what include names is sampled, and of that not what exclude names; also what starts later."""
    with contextlib.ExitStack() as stack:
        early = stack.enter_context(start_workload(workload("burn"), 0))
        run = service("frequency = 99\nwindow = \"500ms\"\n"
                      f"include = [\"comm:burn\", \"exe:*/three_functions\"]\nexclude = [\"pid:{early.pid}\"]")
        run.wait_started()
        late = stack.enter_context(start_workload(workload("burn"), 0))
        other = stack.enter_context(start_workload(workload("three_functions"), 600))
        wait_until(lambda: cpu_seconds(late.pid) > 1.5, "CPU time", 60)
        run.stop()
    profiles = run.profiles()
    assert {p.facts["comm"] for p in profiles} <= {"burn", "three_functions"}
    assert not of(profiles, early.pid)
    assert sum(p.cumulative("burn_cpu") for p in of(profiles, late.pid)) > 50
    assert of(profiles, other.pid)


@bpf
def test_systemd_is_told(service, tmp_path):
    """READY=1 once it samples, WATCHDOG=1 while it makes progress, none while it is stopped, STOPPING=1."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(30)
        run = service("window = \"1s\"", env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"})
        first = listener.recv(4096).decode()
        assert first.startswith("READY=1\nSTATUS=")
        assert listener.recv(4096) == b"WATCHDOG=1"
        run.process.signal(signal.SIGHUP)
        wait_until(lambda: listener.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC="), "RELOADING")
        wait_until(lambda: listener.recv(4096).startswith(b"READY=1"), "READY after the reload")
        run.process.signal(signal.SIGTERM)
        wait_until(lambda: listener.recv(4096).startswith(b"STOPPING=1"), "STOPPING")
        run.process.wait(10)
        assert run.process.status == 0


@bpf
@pytest.mark.long
def test_cpu_limit_lowers_the_frequency(service):
    """Over its CPU limit the service lowers its frequency, and says so in the log and in the profiles."""
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(start_workload(workload("burn"), 0))
        run = service("frequency = 4000\nwindow = \"1s\"\n[limits]\ncpu = \"0.1%\"").wait_started()
        run.wait_log(r"frequency changed.*frequency=\d+", 90)
        time_of_change = time.time_ns()
        # Of windows at 4,000 Hz, names may be late.
        wait_until(lambda: run.windows() and run.windows()[-1] > time_of_change + 2e9,
                   "a window behind the change", 60)
        run.stop()
    profiles = sorted(run.profiles(accepted=False), key=lambda p: p.time_nanos)
    assert profiles[0].facts["frequency"] == "4000"
    assert int(profiles[-1].facts["frequency"]) <= 2000
    assert profiles[-1].period == 10**9 // int(profiles[-1].facts["frequency"])


@bpf
def test_old_windows_go(service):
    """The store stays below its size: the oldest windows are removed, the latest stays."""
    with start_workload(workload("burn"), 0):
        run = service("frequency = 999\nwindow = \"200ms\"\n[store]\nmax_size = \"1MB\"").wait_started()
        run.wait_windows(3)
        first = run.windows()[0]
        wait_until(lambda: first not in run.windows(), "the end of the first window", 120, 0.1)
        run.stop()
    size = sum(path.stat().st_size for path in run.store.rglob("*.pb.gz"))
    assert 100_000 < size < 2_000_000


@bpf
def test_worker_killed_again_and_again(service):
    """The symbolizer's death costs names, never samples, and the service goes on."""
    with start_workload(workload("burn"), 0) as target:
        run = service("frequency = 99\nwindow = \"500ms\"").wait_started()
        for _ in range(10):
            for worker in set(children_of(run.pid)) - {run.serve}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            seen = len(run.windows())
            run.wait_windows(seen + 1)
        run.stop()
        mine = of(run.profiles(), target.pid)
    assert len(mine) >= 8 and sum(p.total for p in mine) > 200


# --- configuration ----------------------------------------------------------------------------------

def check(tmp_path, text, *flags):
    path = tmp_path / "pprofd.toml"
    path.write_text(text)
    return subprocess.run([PPROFD, "run", "--check", "--config", path, *flags], capture_output=True, text=True,
                          timeout=20)


def test_check_accepts_the_example(tmp_path):
    """The configuration that is installed is right, and so it is with every line of it in force."""
    text = (ROOT / "systemd/pprofd.toml").read_text()
    assert check(tmp_path, text).returncode == 0
    answer = check(tmp_path, re.sub(r"(?m)^#(\w+ = )", r"\1", text))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith("pprofd.toml is right\n")


@pytest.mark.parametrize("text, says", [
    ("frequncy = 19", "pprofd.toml:1:1: frequncy: unknown key\nhint: did you mean frequency?"),
    ("[http]\nlisten = [\"0.0.0.0:80\"]", "pprofd.toml:2:1: http.listen = '0.0.0.0': reachable from other machines"),
    ("window = 1 minute", "pprofd.toml:1:"),
])
def test_check_names_what_is_wrong(tmp_path, text, says):
    """A wrong configuration: exit status 2, and one line with file, line and column, and a remedy."""
    answer = check(tmp_path, text)
    assert answer.returncode == 2 and not answer.stdout
    assert answer.stderr.startswith("pprofd: error: ")
    assert says in answer.stderr
    assert answer.stderr.count("\n") == 2, answer.stderr


def test_wrong_configuration_does_not_start(tmp_path):
    """Without --check it is refused as well, before anything is loaded."""
    path = tmp_path / "pprofd.toml"
    path.write_text("colect = \"1s\"")
    answer = subprocess.run([PPROFD, "run", "--config", path], capture_output=True, text=True, timeout=20)
    assert answer.returncode == 2 and "did you mean collect?" in answer.stderr


@pytest.mark.requires("systemd-analyze")
def test_the_unit_is_hardened():
    """systemd's own measure of the unit is 3.0 or less."""
    text = run_program(["systemd-analyze", "security", "--offline=yes", ROOT / "systemd/pprofd.service"])
    assert float(re.search(r"exposure level for pprofd.service: ([\d.]+)", text)[1]) <= 3.0
