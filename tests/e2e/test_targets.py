"""Who is recorded: pids, children, names, cgroups, all; those that are there and those that come."""
import contextlib
import os
import shutil
import uuid

import pytest
from harness import system
from harness.paths import workload
from harness.processes import start_time_ticks, start_workload, wait_until

pytestmark = pytest.mark.requires("bpf")


def recorded_pids(run):
    return {int(profile.facts["pid"]) for profile in run.profiles}


def test_several_processes(pprofd):
    """Several pids give a profile each, and a third process none."""
    with contextlib.ExitStack() as stack:
        first, second, third = (
            stack.enter_context(start_workload(workload("burn"), 0)) for _ in range(3))
        run = pprofd.run("record", "-p", f"{first.pid},{second.pid}", "-d", 2).succeed()
        assert recorded_pids(run) == {first.pid, second.pid}
        names = {path.name for path in run.paths}
        assert names == {f"{p.pid}-{start_time_ticks(p.pid)}.pb.gz" for p in (first, second)}
        assert third.status is None


def test_children_are_recorded_when_asked_for(pprofd):
    """With --children a process's children and grandchildren are recorded, those alive already too."""
    with start_workload(workload("fork_tree"), 0) as target:
        child, grandchild = (int(word.split("=")[1]) for word in target.lines[0].split())
        run = pprofd.run("record", "-p", target.pid, "--children", "-d", 1).succeed()
        assert recorded_pids(run) >= {child, grandchild}
        assert run.profile_of(child).cumulative("child_work") > 0
        assert run.profile_of(grandchild).cumulative("grandchild_work") > 0


def test_children_are_left_out_otherwise(pprofd):
    """Without --children only the process itself is recorded."""
    with start_workload(workload("fork_tree"), 0) as target:
        run = pprofd.run("record", "-p", target.pid, "-d", 1)
    assert all(profile.total == 0 for profile in run.profiles)


def test_children_born_while_recording(pprofd):
    """Children that are started during the recording belong to it from their first instruction."""
    with start_workload(workload("burn"), 0):
        run = pprofd.run("record", "-o", "all/", "--", workload("spawner"), 3, 1, workload("burn"), 200)
    pids = {int(line.split()[0]) for line in run.succeed().stdout.decode().splitlines()}
    assert len(pids) == 3 and recorded_pids(run) >= pids
    for pid in pids:
        # 200 ms at 99 Hz, on a machine that may be shared: Poisson, fewer than 5 of 20 once in 60,000.
        assert run.profile_of(pid).cumulative("burn_cpu") >= 5


def test_children_of_a_command_are_merged(pprofd):
    """Without -o a command and its children are one file, told apart by labels."""
    run = pprofd.run("record", "--", workload("spawner"), 2, 1, workload("burn"), 300).succeed()
    assert [path.name for path in run.paths] == ["profile.pb.gz"]
    pids = {int(line.split()[0]) for line in run.stdout.decode().splitlines()}
    assert set(run.profile.split_by("pid")) >= pids
    assert "burn" in run.profile.split_by("comm")


def test_everything(pprofd):
    """--all records every process that runs, and index.tsv tells which file is whose."""
    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(start_workload(workload("burn"), 0)) for _ in range(2)]
        run = pprofd.run("record", "--all", "-d", 2).succeed()
        for target in targets:
            assert run.profile_of(target.pid).cumulative("burn_cpu") > 10
    index = (run.folder / "profiles" / "index.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in index if not line.startswith("#")]
    header = rows.pop(0)
    for column in ("pid", "comm", "executable", "samples", "file"):
        assert column in header, header
    by_file = {row[header.index("file")]: row for row in rows}
    assert set(by_file) == {path.name for path in run.paths}
    for path, profile in zip(run.paths, run.profiles):
        row = by_file[path.name]
        assert row[header.index("pid")] == profile.facts["pid"]
        assert row[header.index("comm")] == profile.facts["comm"]
        assert int(row[header.index("samples")]) == profile.total


def test_all_is_the_default(pprofd):
    """Without a target everything is recorded."""
    with start_workload(workload("burn"), 0) as target:
        run = pprofd.run("record", "-d", 1).succeed()
        assert run.has_profile_of(target.pid)


def test_merged(pprofd):
    """--merge gives one file in which pid and comm tell the processes apart."""
    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(start_workload(workload(n), 0)) for n in ("burn", "burn_clang")]
        run = pprofd.run("record", "--all", "--merge", "-d", 2, "-o", "one.pb.gz").succeed()
        counts = run.profile.split_by("pid")
        for target in targets:
            assert counts[target.pid] > 10
    assert {"burn", "burn_clang"} <= set(run.profile.split_by("comm"))


def test_by_name_also_those_that_come(pprofd):
    """--comm finds the process that bears the name now, and one that is started later; no other."""
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(start_workload(workload("burn_clang"), 0))
        other = stack.enter_context(start_workload(workload("burn"), 0))
        run = pprofd.start("record", "--comm", "burn_clang", "-d", 3, "-o", "out/").wait_started()
        later = stack.enter_context(start_workload(workload("burn_clang"), 0))
        run.wait().succeed()
        assert recorded_pids(run) == {before.pid, later.pid}
        assert other.status is None


def test_by_executable_also_those_that_come(pprofd, tmp_path):
    """--exe finds processes by the path of their executable, also one that is started later."""
    copy = tmp_path / "a copy"
    shutil.copy(workload("burn"), copy)
    with contextlib.ExitStack() as stack:
        stack.enter_context(start_workload(workload("burn"), 0))
        before = stack.enter_context(start_workload(copy, 0))
        run = pprofd.start("record", "--exe", copy, "-d", 2, "-o", "out/").wait_started()
        later = stack.enter_context(start_workload(copy, 0))
        run.wait().succeed()
        assert recorded_pids(run) == {before.pid, later.pid}


CGROUPS = [
    pytest.param(1, marks=pytest.mark.requires("cgroup1")),
    pytest.param(2, marks=pytest.mark.requires("cgroup2")),
]


@pytest.mark.parametrize("version", CGROUPS)
@pytest.mark.parametrize("form", ["absolute", "as in /proc"])
def test_by_cgroup(pprofd, version, form):
    """--cgroup takes a hierarchy's folder or the path that /proc/PID/cgroup shows; members now and later."""
    with system.cgroup(version) as folder, contextlib.ExitStack() as stack:
        inside, outside, later = (
            stack.enter_context(start_workload(workload("burn"), 0)) for _ in range(3))
        system.enter_cgroup(folder, inside.pid)
        path = folder if form == "absolute" else "/" + folder.name
        run = pprofd.start("record", "--cgroup", path, "-d", 3, "-o", "out/").wait_started()
        system.enter_cgroup(folder, later.pid)
        run.wait().succeed()
        assert recorded_pids(run) == {inside.pid, later.pid}
        assert outside.status is None
        if version == 2:  # a process has one v2 path, but one for each v1 hierarchy
            assert run.profile_of(inside.pid).facts["cgroup"].endswith(folder.name)


@pytest.mark.requires("cgroup2")
def test_by_cgroup_below(pprofd):
    """A process in a cgroup below the one that is named belongs to it."""
    with system.cgroup(2) as folder:
        below = folder / "below"
        below.mkdir()
        with start_workload(workload("burn"), 0) as target:
            system.enter_cgroup(below, target.pid)
            run = pprofd.run("record", "--cgroup", folder, "-d", 1, "-o", "out/").succeed()
            assert recorded_pids(run) == {target.pid}
        wait_until(lambda: not (below / "cgroup.procs").read_text(), "an empty cgroup")
        below.rmdir()


@pytest.mark.parametrize("version", CGROUPS)
def test_by_unit(pprofd, version):
    """--unit finds the processes of a systemd unit by the name of its cgroup."""
    unit = f"pprofd-test-{uuid.uuid4().hex[:8]}.service"
    with system.cgroup(version, unit) as folder, start_workload(workload("burn"), 0) as target:
        system.enter_cgroup(folder, target.pid)
        run = pprofd.run("record", "--unit", unit, "-d", 1, "-o", "out/").succeed()
        assert recorded_pids(run) == {target.pid}
        assert run.profiles[0].facts["unit"] == unit


@pytest.mark.parametrize("version", CGROUPS)
def test_by_container(pprofd, version):
    """--container finds the processes of a container by its id or the id's beginning."""
    identity = uuid.uuid4().hex + uuid.uuid4().hex
    name = f"docker-{identity}.scope"
    with system.cgroup(version, name) as folder, start_workload(workload("burn"), 0) as target:
        system.enter_cgroup(folder, target.pid)
        for given in (identity, identity[:12]):
            run = pprofd.run("record", "--container", given, "-d", 1, "-o", f"{given}/").succeed()
            assert recorded_pids(run) == {target.pid}
        assert run.profiles[0].facts["container.id"] == identity


def test_command_runs_as_the_caller_in_the_profile_too(pprofd, tmp_path):
    """A command of sudo's caller is profiled although it is another user's, and can't read root's files."""
    secret = tmp_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    caller = {"SUDO_UID": str(system.NOBODY), "SUDO_GID": str(system.NOBODY), "SUDO_USER": "nobody"}
    run = pprofd.run("record", "--", "cat", secret, env=caller)
    assert run.status == 1 and b"root's" not in run.stdout
    run = pprofd.run("record", "--", workload("burn"), 1000, env=caller).succeed()
    assert run.profile.cumulative("burn_cpu") > 60
    assert run.profile.facts.get("pid") != str(os.getpid())
