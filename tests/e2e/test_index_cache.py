"""Indexes of files: recordings, the service and symbolize make them beside their work and use them the next
time; names and lines are those of the debug information."""
import pytest
from harness import pprof
from harness.paths import PPROFD, ROOT
from harness.processes import run as run_program
from harness.processes import start_workload, wait_until

FUNCTIONS = 4000


def function(number):
    return f"""struct S{number} {{ int a, b; struct S{number}* next; }};
int f{number}(struct S{number}* s, int x) {{
  int sum = x * s->a;
  for (int i = 0; i < x; ++i)
    sum += s->b + i;
  return sum;
}}
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A program with a megabyte of debug information; each of its functions takes an equal part."""
    folder = tmp_path_factory.mktemp("big")
    source = folder / "big.c"
    calls = "".join(f"    value += f{n}((struct S{n}*)&space, 300);\n" for n in range(FUNCTIONS))
    source.write_text('#include "tests/workloads/workload.h"\n' + "".join(map(function, range(FUNCTIONS))) +
                      "static struct { int a, b; void* next; } space = {1, 2, 0};\n"
                      "volatile int value;\nint main(void) {\n  workload_stop_on_signal();\n  workload_ready();\n"
                      f"  while (!workload_stop_requested) {{\n{calls}  }}\n}}\n")
    program = folder / "big"
    run_program(["gcc", "-g", "-O0", "-I", ROOT, "-o", program, source], seconds=240)
    assert program.stat().st_size > 1 << 20
    return program


def lines_of(profile):
    """{function: its lines} of the program's own functions."""
    functions = {f.id: f for f in profile.functions}
    found = {}
    for location in profile.locations:
        for line in location.lines:
            function = functions[line.function_id]
            if function.file.endswith("big.c"):
                found.setdefault(function.name, set()).add(line.line)
    return found


def check_lines(profile):
    """Each function's lines are those of its source: seven lines a function, below the first line."""
    found = lines_of(profile)
    assert len(found) > 20, sorted(found)
    for name, lines in found.items():
        if name == "main":
            continue
        first = 2 + 7 * int(name.removeprefix("f"))
        assert lines <= set(range(first + 1, first + 7)), (name, lines)


def record(pprofd, pid, *arguments):
    return pprofd.run("record", "-p", pid, "-F", 999, "-d", 2, *arguments).succeed().profile


def indexes(cache, program):
    """That of the program: libraries may have theirs too. Its name begins with what tells the file from others."""
    identity = program.stat()
    return list(cache.glob(f"{identity.st_dev:x}-{identity.st_ino:x}-*.index"))


def the_index(cache, program):
    (index,) = indexes(cache, program)
    return index


@pytest.mark.requires("bpf")
def test_recordings_make_and_use_an_index(pprofd, big, tmp_path):
    cache = tmp_path / "cache"
    with start_workload(big) as target:
        # Made beside the recording, and given up soon after its end.
        for _ in range(10):
            check_lines(record(pprofd, target.pid, "--cache", cache))
            if indexes(cache, big):
                break
        made = the_index(cache, big).stat()
        check_lines(record(pprofd, target.pid, "--cache", cache))
        used = the_index(cache, big).stat()
        assert used.st_ino == made.st_ino and used.st_mtime_ns > made.st_mtime_ns
        # Its place in the header of the key that it is of.
        content = bytearray(the_index(cache, big).read_bytes())
        content[len(content) // 2] ^= 4
        content[20] ^= 4
        the_index(cache, big).write_bytes(content)
        check_lines(record(pprofd, target.pid, "--cache", cache))
        assert [index.read_bytes() for index in indexes(cache, big)] != [bytes(content)]


@pytest.mark.requires("bpf")
def test_no_index_is_made_or_used(pprofd, big, tmp_path):
    with start_workload(big) as target:
        check_lines(record(pprofd, target.pid, "--cache", "none"))
        run = pprofd.run("record", "-p", target.pid, "-d", 1, "--cache", tmp_path / "no" / "folder")
    assert run.status == 1 and "use cache folder" in run.stderr and "hint: " in run.stderr


@pytest.mark.requires("bpf")
def test_raw_profiles_are_named_by_an_index(pprofd, big, tmp_path):
    cache = tmp_path / "cache"
    with start_workload(big) as target:
        run = pprofd.run("record", "-p", target.pid, "-F", 999, "-d", 2, "--raw").succeed()
    named = []
    for turn in range(2):
        out = tmp_path / f"named{turn}.pb.gz"
        run_program([PPROFD, "symbolize", run.paths[0], "-o", out, "--cache", cache], seconds=60)
        named.append(lines_of(pprof.read(out)))
        check_lines(pprof.read(out))
        the_index(cache, big)
    assert named[0] == named[1]


@pytest.mark.requires("bpf")
def test_the_service_makes_an_index(service, big, tmp_path):
    cache = tmp_path / "cache"
    with start_workload(big) as target:
        running = service(f'frequency = 499\nwindow = "1s"\ninclude = ["pid:{target.pid}"]\n', "--cache", cache)
        wait_until(lambda: indexes(cache, big), "an index", seconds=40)
        running.process.kill()
