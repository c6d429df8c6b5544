"""The table: each row of cases/*.toml is one run of pprofd and what must come of it.

    [[case]]
    name = "frequency zero"
    shows = "One sentence: what this proves."
    run = "record -F 0 -- true"     # as a shell splits it; {pid} {out} {workloads} are filled in
    target = "burn 0"               # a workload that runs meanwhile and whose pid is {pid}
    setup = "mkdir taken"           # a shell script, run first, in the folder of the run
    machine = "nobody"              # see MACHINES: the lesser machine on which it runs
    env = { SUDO_UID = "65534" }
    status = 2                      # 0 where nothing is said
    stdout = ["regex", …]           # each found in it
    stderr = ["regex", …]
    absent = ["regex", …]           # none found in either
    files = ["profile.pb.gz", …]    # what stands in the folder afterwards, exactly
    hot = { burn_cpu = 0.9 }        # functions with at least this share of the one profile
    requires = ["bpf", …]           # system.REQUIREMENTS, or programs
    seconds = 30                    # the deadline
"""
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from harness import system
from harness.paths import WORKLOADS, workload
from harness.processes import start_workload

KEYS = {"name", "shows", "run", "target", "setup", "machine", "env", "status", "stdout", "stderr", "absent",
        "files", "hot", "requires", "seconds"}

MACHINES = {
    "nobody": lambda: system.as_nobody(),
    "nobody with bpf": lambda: system.as_nobody("bpf"),
    "nobody with bpf and perfmon": lambda: system.as_nobody("bpf", "perfmon"),
    "nobody with what it takes": lambda: system.as_nobody(
        "bpf", "perfmon", "sys_ptrace", "dac_read_search", "syslog", "checkpoint_restore", "kill"),
    "no memlock": system.without_memlock,
    "no tracefs": system.without_tracefs,
    "no btf": system.without_btf,
    "no bpf_loop": lambda: [workload("refuse"), f"helper={system.BPF_LOOP}", "--"],
    "no perf events": lambda: [workload("refuse"), f"{system.SYS['perf_event_open']}=13", "--"],
    "no seccomp": lambda: [workload("refuse"), f"{system.SYS['seccomp']}=22", "--"],
}


def load_cases():
    for path in sorted(Path(__file__).parent.glob("cases/*.toml")):
        for case in tomllib.loads(path.read_text())["case"]:
            assert not case.keys() - KEYS, f"{path.name}: {case['name']}: unknown {case.keys() - KEYS}"
            assert case["shows"].endswith("."), f"{path.name}: {case['name']}: a sentence, please"
            marks = [pytest.mark.requires(*case.get("requires", []))]
            yield pytest.param(case, id=f"{path.stem}: {case['name']}", marks=marks)


@pytest.mark.parametrize("case", load_cases())
def test_case(case, pprofd, tmp_path):
    folder = tmp_path / "run0"
    folder.mkdir()
    words = {"out": str(folder), "workloads": str(WORKLOADS), "pid": "0"}
    target = None
    try:
        if "target" in case:
            program, *arguments = shlex.split(case["target"])
            target = start_workload(workload(program), *arguments)
            words["pid"] = str(target.pid)
        if "setup" in case:
            subprocess.run(["sh", "-ec", case["setup"].format(**words)], cwd=folder, check=True, timeout=30)
        prefix = MACHINES[case["machine"]]() if "machine" in case else ()
        arguments = [word.format(**words) for word in shlex.split(case["run"])]
        run = pprofd.run(*arguments, prefix=prefix, env=case.get("env"), seconds=case.get("seconds", 30))
    finally:
        if target:
            target.kill()
    judge(case, run, folder)


def judge(case, run, folder):
    stdout = run.stdout.decode(errors="replace")
    assert run.status == case.get("status", 0), f"exit status {run.status}\n{run.stderr}"
    for pattern in case.get("stdout", []):
        assert re.search(pattern, stdout), f"stdout has no {pattern!r}:\n{stdout[:2000]}"
    for pattern in case.get("stderr", []):
        assert re.search(pattern, run.stderr), f"stderr has no {pattern!r}:\n{run.stderr}"
    for pattern in case.get("absent", []):
        assert not re.search(pattern, run.stderr + stdout), f"{pattern!r} in:\n{run.stderr}\n{stdout[:2000]}"
    if run.status in (1, 2) and not case["run"].startswith("doctor"):  # its answer is its table
        assert re.search(r"^pprofd: error: .+: .+", run.stderr, re.M), f"no error line:\n{run.stderr}"
    if "files" in case:
        found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                       if not p.is_dir() and not p.name.startswith(".std"))
        assert found == sorted(case["files"]), f"{found}\n{run.stderr}"
    for function, share in case.get("hot", {}).items():
        profile = run.profile
        count = profile.cumulative(function)
        assert count >= share * profile.total > 0, f"{function}: {count} of {profile.total}"
