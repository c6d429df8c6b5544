"""Processes and libraries come and go by the thousand: what pprofd and the kernel hold goes with them."""
import contextlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from harness import system
from harness.paths import workload
from harness.processes import Process, run as run_program, start_workload, wait_until

pytestmark = pytest.mark.requires("bpf")


def keys_of(map_id):
    return [key for key, _ in system.entries_of(map_id)]


def pids_in(map_id):
    return {int.from_bytes(key[:4], "little") for key in keys_of(map_id)}


def resident(pid):
    """Anonymous memory in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def descriptors(pid, *programs):
    """How many it has open, but for files on disk that are none of the programs: what else runs on the
    machine opens and closes those."""
    def link(number):
        with contextlib.suppress(FileNotFoundError):
            return os.readlink(f"/proc/{pid}/fd/{number}")
        return "/closed meanwhile"

    links = map(link, os.listdir(f"/proc/{pid}/fd"))
    return sum(not each.startswith("/") or Path(each).name in programs for each in links)


def held(run, maps):
    return {
        "descriptors": descriptors(run.pid, "true", "spawner"),
        "processes": len(keys_of(maps["processes"])),
        "spaces": len(keys_of(maps["spaces"])),
        "tables": len({key[:4] for key in keys_of(maps["tables"])}),  # by owner: a file has many chunks
    }


def await_return(run, maps, before, slack):
    """What is held comes back to what it was, give or take what the rest of the machine does."""
    def back():
        now = held(run, maps)
        return all(now[name] <= before[name] + slack[name] for name in before)

    wait_until(back, f"what is held to return to {before}; it is {held(run, maps)}", seconds=90, interval=0.5)


def test_processes_leave_nothing(pprofd, long):
    """Thousands of short processes (--long: 100,000): maps, memory and descriptors return to where they were."""
    count = 100_000 if long else 3000
    run = pprofd.start("record", "--comm", "true", "--comm", "spawner", "--merge", "-o", "all.pb.gz").wait_started()
    maps = system.maps_of(run.pid)
    with Process([workload("spawner"), 200, 4, "true"], stdout=os.open(os.devnull, os.O_WRONLY)) as first:
        first.wait(60)
    before = held(run, maps)
    memory = resident(run.pid)
    with Process([workload("spawner"), count, 4, "true"], stdout=os.open(os.devnull, os.O_WRONLY)) as spawner:
        spawner.wait(1500)
    await_return(run, maps, before, {"descriptors": 20, "processes": 50, "spaces": 5, "tables": 5})
    gone = {pid for pid in pids_in(maps["processes"]) if not Path(f"/proc/{pid}").exists()}
    wait_until(lambda: not {pid for pid in gone if pid in pids_in(maps["processes"])},
               "the entries of processes that have gone", seconds=30, interval=0.5)
    assert resident(run.pid) < memory + 24e6 + 400 * count  # each target keeps its place in the output
    profile = run.finish(60).succeed().profile
    assert profile.total > 0


def test_libraries_leave_nothing(pprofd, long, tmp_path):
    """200 libraries are opened and closed again and again: tables stay within bounds, and no sample is
    unwound by another's rows: each stack that has a library's function has its caller."""
    libraries = []
    for number in range(200 if long else 40):
        libraries.append(tmp_path / f"plugin{number}.so")
        shutil.copy(workload("plugin_a.so"), libraries[-1])
    specs = [f"{library}:plugin_a_work" for library in libraries]
    rounds = 10 if long else 3
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(start_workload(workload("dlopen_cycle"), rounds, 5, *specs,
                                                    env={"WORKLOAD_WAIT": "1"}))
        run = pprofd.start("record", "-p", target.pid, "-F", 999).wait_started()
        target.signal(signal.SIGUSR1)
        target.wait(120)
        profile = run.wait().succeed().profile
    wrong = []
    for sample in profile.samples:
        names = profile.names(sample)
        if "plugin_a_work" in names and "use_library" not in names:
            wrong.append(names)
    assert len(wrong) <= 0.002 * profile.total + 2, wrong[:5]
    assert profile.cumulative("plugin_a_work") > 0.5 * profile.total
