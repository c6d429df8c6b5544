"""Files that targets map: whatever they are, the recording ends in time with every sample, names may
miss, and nobody's memory runs away."""
import contextlib
import os
import stat
import time

import pytest
from harness import elf_files
from harness.paths import workload
from harness.processes import children_of, cpu_seconds, start_workload, wait_until

pytestmark = pytest.mark.requires("bpf")
HERTZ = 199
MEMORY_LIMIT_KB = 200 * 1024  # of all of pprofd's processes together
HOSTILE = elf_files.hostile_files()


def memory_of(pid):
    """RssAnon + RssShmem of a process in KB; 0 where it is gone."""
    with contextlib.suppress(OSError):
        lines = open(f"/proc/{pid}/status").read().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))
    return 0


def record_watched(pprofd, target, seconds=1.0):
    """Records the target; returns the profile. Its time and memory are bounded."""
    begin, before = time.monotonic(), cpu_seconds(target.pid)
    run = pprofd.start("record", "-p", target.pid, "-F", HERTZ, "-d", f"{int(seconds * 1000)}ms")
    peak = 0
    while run.status is None and time.monotonic() < begin + 60:
        peak = max(peak, sum(map(memory_of, [run.pid, *children_of(run.pid)])))
        time.sleep(0.01)
    run.wait(1).succeed()
    assert time.monotonic() - begin < seconds + 10
    assert peak < MEMORY_LIMIT_KB, f"{peak} KB"
    used = cpu_seconds(target.pid) - before
    profile = run.profile
    # `used` also has the CPU time before and after the recording, while pprofd starts and ends.
    assert 0.5 * seconds * HERTZ * used / (time.monotonic() - begin) <= profile.total <= used * HERTZ + 3
    assert profile.cumulative("call_mapped") >= 0.9 * profile.total
    return profile


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_file(pprofd, tmp_path, name):
    """Code in a file that lies about itself."""
    path = tmp_path / name
    content = HOSTILE[name]
    path.write_bytes(content() if callable(content) else content)
    with start_workload(workload("map_code"), path, elf_files.CODE_OFFSET) as target:
        profile = record_watched(pprofd, target)
    inside = [s for s in profile.samples if profile.frames(s)[0][1].file == str(path)]
    assert sum(s.values[0] for s in inside) >= 0.9 * profile.total
    if name == "well-formed":
        assert profile.self_count("mapped_function") >= 0.9 * profile.total
    for function in profile.function_names():
        assert "\x1b" not in function and len(function) < 1 << 20


def test_files_that_are_only_mapped(pprofd, tmp_path):
    """Empty files, devices and text that are mapped as executable beside a program."""
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.touch()
    text.write_text("text " * 2000)
    with start_workload(workload("map_code"), "-", 0, 4096, empty, text, "/dev/zero") as target:
        record_watched(pprofd, target)


def test_file_that_shrinks_while_it_is_read(pprofd, tmp_path):
    """A file that is cut short, again and again, while its symbols are being read."""
    content = HOSTILE["symbols-all-alike"]
    path = tmp_path / "shrinking"
    path.write_bytes(content)
    with start_workload(workload("map_code"), path, elf_files.CODE_OFFSET) as target:
        run = pprofd.start("record", "-p", target.pid, "-F", HERTZ, "-d", 2)
        with open(path, "r+b") as file:
            while run.status is None:
                file.truncate(8192)
                file.seek(8192)
                file.write(content[8192:])
                file.flush()
        run.wait(30).succeed()
    assert run.profile.cumulative("call_mapped") >= 0.9 * run.profile.total


def test_file_truncated_after_mapping(pprofd, tmp_path):
    """A file whose symbols have been cut off since it was mapped."""
    path = tmp_path / "cut"
    path.write_bytes(HOSTILE["well-formed"])
    with start_workload(workload("map_code"), path, elf_files.CODE_OFFSET) as target:
        os.truncate(path, 8192)
        record_watched(pprofd, target)


@pytest.mark.parametrize("kind", ["fifo", "device", "folder", "loop of links", "socket path"])
def test_path_that_now_means_something_else(pprofd, tmp_path, kind):
    """The path of a mapped file now leads to something that blocks or can't be opened."""
    path = tmp_path / "file"
    path.write_bytes(HOSTILE["well-formed"])
    with start_workload(workload("map_code"), path, elf_files.CODE_OFFSET) as target:
        path.unlink()
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        elif kind == "folder":
            path.mkdir()
        elif kind == "socket path":
            os.mknod(path, stat.S_IFSOCK | 0o666)
        else:
            path.symlink_to(path.name)
        record_watched(pprofd, target)


def test_fifo_where_a_short_program_was(pprofd, tmp_path):
    """A program that is gone, its path a FIFO by now: nothing blocks."""
    program = tmp_path / "program"
    program.write_bytes(open(workload("burn"), "rb").read())
    program.chmod(0o755)
    run = pprofd.start("record", "--all", "-o", "out/").wait_started()
    for _ in range(5):
        with start_workload(program, 1000, env={"WORKLOAD_WAIT": "1"}) as target:
            target.signal(10)  # SIGUSR1: begin
            wait_until(lambda: cpu_seconds(target.pid) > 0.05, "CPU time")
            os.rename(program, tmp_path / "aside")
            os.mkfifo(program)
        os.unlink(program)
        os.rename(tmp_path / "aside", program)
    run.finish(20).succeed()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(60))
def test_random_damage(pprofd, tmp_path, seed):
    """Real programs' headers and tables with random bytes changed."""
    import random
    rng = random.Random(seed)
    content = bytearray(HOSTILE["well-formed"])
    for _ in range(rng.randrange(1, 30)):
        at = rng.choice([rng.randrange(0, 120), rng.randrange(8192, len(content))])
        content[at] = rng.randrange(256)
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with start_workload(workload("map_code"), path, elf_files.CODE_OFFSET) as target:
        record_watched(pprofd, target, 0.5)
