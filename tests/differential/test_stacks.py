"""Stacks against libdw's: programs are run step by step, and at each instruction our unwinder's stack,
from rows compiled from the files they map, is compared with elfutils' frame by frame. A normal run is a
sample of under a minute; --long runs everything, and each to its end.

No frame may be wrong. Where a stack may be incomplete, or libdw is known to be wrong, is listed below,
by function. What each run found goes to build/tests/stacks-NAME.tsv.
"""
import bisect
import functools
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build/release/bin/stacks_against_libdw"
PROGRAMS = Path(__file__).parent / "stacks/programs"
LIBRARIES = ("/lib/x86_64-linux-gnu", "/lib64", "/usr/lib/x86_64-linux-gnu",
             *Path("/usr/lib").glob("python3*/lib-dynload"))

CRT = r"_init|_fini|deregister_tm_clones|register_tm_clones|__do_global_dtors_aux|frame_dummy"
CONTEXT = "setcontext|__setcontext|swapcontext|__swapcontext"

# KIND, WHY, the frame's function, the leaf's function, and what is the matter. Functions as
# "file:function"; "?" where none is known.
KNOWN = (
    # --- ours is incomplete
    ("incomplete", "no_row", rf".*:({CRT}|\?)", r".*", "the C runtime's own files have no call frame information"),
    ("incomplete", "unknown_register", r"ld-linux-x86-64.so.2:.*", r".*",
     "_dl_runtime_resolve keeps its frame's address in rbx while it calls"),
    ("incomplete", "unsupported_rule", rf".*:({CONTEXT})", r".*", "the stack pointer is found in a ucontext"),
    ("incomplete", "no_mapping|read_failed|bad_return_address|no_row", r".*", rf".*:({CONTEXT})",
     "between two stacks; its call frame information does not say so"),
    ("incomplete", "no_mapping|read_failed|bad_return_address|no_row", r".*", r"libgcc_s.so.1:.*|.*:(uw_install_context_1|_Unwind_DebugHook|_Unwind_(RaiseException|Resume.*))",
     "the frames being thrown through are overwritten with what is to be restored"),
    # --- libdw
    ("oracle-ends", ".*", r"ld-linux-x86-64.so.2:.*|.*:_start|.*:\?", r".*", "knows no end at a program's entry"),
    ("oracle-runs", ".*", r".*:(__start_context|\?)", r".*", "a coroutine's stack ends here; libdw guesses by rbp"),
    ("oracle-ends|wrong", ".*", r".*:\.plt", r".*:\.plt", "lld's linkage stubs have no call frame information: guessed by rbp"),
    ("missed-leave", ".*", r".*", r".*", "GCC's rule for rbp outlives `leave` in realigned frames"),
    ("wrong", "caller", rf".*:(.*in_coroutine.*)", rf".*:({CONTEXT})",
     "returns to a function's first byte: libdw looks one byte before and guesses by rbp"),
    ("wrong", "caller", r".*:\.fini", r".*:\.fini", "has no call frame information: libdw guesses by rbp"),
    ("no-call", ".*", r".*:(__start_context|\?|.*in_coroutine.*)", r".*", "makecontext makes these return addresses"),
)


@pytest.fixture(scope="session", autouse=True)
def built():
    assert TOOL.exists(), f"{TOOL} is not built"


@functools.cache
def functions(path, _changed):
    """Sorted starts, and (end, name) for each."""
    found = {}
    for flags in (["-S", "--defined-only"], ["-S", "-D", "--defined-only"]):
        listing = subprocess.run(["nm", *flags, path], capture_output=True, text=True).stdout
        for line in listing.splitlines():
            fields = line.split()
            if len(fields) >= 3 and fields[-2] in "tTwWiV":
                start = int(fields[0], 16)
                size = int(fields[1], 16) if len(fields) == 4 else 0
                name = fields[-1].split("@")[0]
                if size or start not in found:
                    found[start] = (start + max(size, 1 if size else 64), name)
    return sorted(found), found


@functools.cache
def sections(path, _changed):
    """{name: (start, end)} of those with code but no functions that symbols would name."""
    listing = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True).stdout
    found = re.findall(r" (\.i?plt|\.fini) +PROGBITS +(\w+) +\w+ +(\w+)", listing)
    return {name: (int(start, 16), int(start, 16) + int(size, 16)) for name, start, size in found}


class Names:
    def __init__(self, program, names):
        self.files = {Path(program).name: names}

    def __call__(self, place):
        file, _, address = place.rpartition("+")
        if file not in self.files:
            self.files[file] = next((str(Path(folder) / file) for folder in LIBRARIES
                                     if (Path(folder) / file).exists()), None)
        path = self.files[file]
        if path is None:
            return f"{file}:?"
        # Another test's program may have had the same path.
        changed = Path(path).stat().st_mtime_ns
        section = next((name for name, (start, end) in sections(path, changed).items()
                        if start <= int(address, 16) < end), "?")
        if section.endswith("plt"):
            return f"{file}:.plt"
        starts, found = functions(path, changed)
        # A return address may be a function's end.
        at = bisect.bisect_right(starts, int(address, 16)) - 1
        if at >= 0:
            end, name = found[starts[at]]
            if int(address, 16) <= end:
                return f"{file}:{name}"
        return f"{file}:{section}"


def compare(name, options, command, known=KNOWN, names=None):
    report = ROOT / f"build/tests/stacks-{name}.tsv"
    report.parent.mkdir(parents=True, exist_ok=True)
    # Before it does anything else, ld.so goes through the whole environment, letter by letter. What
    # it binds lazily it looks up below a frame that is known to end stacks.
    environment = {"PATH": "/usr/bin:/bin"} | ({} if "lazy" in name else {"LD_BIND_NOW": "1"})
    result = subprocess.run([TOOL, *options, *command], capture_output=True, text=True, timeout=900,
                            env=environment)
    report.write_text(result.stdout)
    assert result.returncode in (0, 1), result.stderr
    counts, unknown = {}, []
    name_of = Names(command[0], names or command[0])
    for line in result.stdout.splitlines():
        kind, count, *rest = line.split("\t")
        if not rest:
            counts[kind] = int(count)
            continue
        why, frame, leaf = rest[0], name_of(rest[1]), name_of(rest[2])
        if not any(re.fullmatch(k, kind) and re.fullmatch(w, why) and re.fullmatch(f, frame) and re.fullmatch(l, leaf)
                   for k, w, f, l, _ in known):
            unknown.append(f"{line}\t{frame}\t{leaf}")
    print(name, counts)
    assert not unknown, "\n".join(unknown[:20]) + "\n" + result.stderr[:4000]
    assert counts["compared"] >= 1000, counts
    return counts


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not there")


def build(compiler, flags, tmp_path):
    need(compiler)
    out = tmp_path / "frames"
    subprocess.run([compiler, *flags, str(PROGRAMS / "frames.cc"), "-o", str(out)], check=True)
    return out


BUILDS = {
    "gcc-O0": ("g++", ["-O0"]),
    "gcc-O1": ("g++", ["-O1"]),
    "gcc-O2": ("g++", ["-O2"]),
    "gcc-O2-lazy": ("g++", ["-O2", "-Wl,-z,lazy"]),
    "gcc-O3-avx2-static-pie": ("g++", ["-O3", "-mavx2", "-static-pie"]),
    "gcc-O2-frame-pointers": ("g++", ["-O2", "-fno-omit-frame-pointer", "-no-pie", "-Wl,-z,now"]),
    "clang-O0": ("clang++-19", ["-O0"]),
    "clang-O2": ("clang++-19", ["-O2", "-Wl,-z,now"]),
    "clang-O3-static": ("clang++-19", ["-O3", "-static"]),
    "clang-O2-lld-lazy": ("clang++-19", ["-O2", "-fuse-ld=lld", "-Wl,-z,lazy"]),
    "clang-O2-lld-static": ("clang++-19", ["-O2", "-fuse-ld=lld", "-static"]),
}


FEW = ["--seconds", "120", "--steps", "15000"]
SAMPLE = ("gcc-O2", "gcc-O3-avx2-static-pie", "clang-O2-lld-lazy", "true", "python")


def sampled(names):
    return [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", sampled(BUILDS))
def test_every_kind_of_frame(name, tmp_path, long):
    program = build(*BUILDS[name], tmp_path)
    limits = ["--seconds", "600", "--steps", "100000000", "--repeat", "1000"] if long else FEW
    counts = compare(name, ["--marked", *limits], [str(program)])
    # The first steps are ld.so's more than the program's.
    assert counts["complete"] > (0.8 * counts["compared"] if long and "lazy" not in name else 500), counts


@pytest.mark.long
def test_stripped_program(tmp_path):
    need("strip")
    named = build("g++", ["-O2", "-static"], tmp_path)
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", str(named), "-o", str(stripped)], check=True)
    compare("stripped", ["--marked", "--seconds", "30"], [str(stripped)], names=str(named))


PROGRAM_RUNS = {
    "true": ["/bin/true"],
    "sort": ["/usr/bin/sort", "/etc/passwd"],
    "gzip": ["/bin/gzip", "-c", "/bin/true"],
    "python": ["/usr/bin/python3", "-c", "import json; print(json.dumps(list(range(2000))))"],
    "openssl": ["/usr/bin/openssl", "dgst", "-sha256", "/bin/bash"],
}


@pytest.mark.parametrize("name", sampled(PROGRAM_RUNS))
def test_real_program(name, long):
    command = PROGRAM_RUNS[name]
    if not Path(command[0]).exists():
        pytest.skip(f"{command[0]} is not there")
    limits = ["--seconds", "300", "--steps", "100000000"] if long else FEW
    compare(name, [*limits, "--hop", "300"] if name == "python" else limits, command)
