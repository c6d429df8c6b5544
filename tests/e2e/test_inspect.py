"""pprofd inspect: what it says of a file is what binutils say of it."""
import re
import subprocess
import sys

import pytest
from harness import elf_files
from harness.paths import PPROFD, ROOT, workload
from harness.processes import children_of, wait_until
from harness.processes import run as run_program

sys.path.append(str(ROOT / "tests" / "differential" / "rows"))
from rows_against_readelf import GAP, compare_rows, parse_rows, readelf_rows  # noqa: E402

LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
# A program's own start: nobody called it, whatever its call frame information says.
OUTERMOST = ("rsp+8", "u", "u")
SOURCE = r"""
#include <alloca.h>
#include <cstdio>
#include <stdexcept>
#include <vector>
namespace shop {
template <typename T> struct Basket { std::vector<T> things; __attribute__((noinline)) T total() const {
  T sum{}; for (const T &thing : things) sum += thing; return sum; } };
__attribute__((noinline)) int buy(int a) { if (a > 3) throw std::runtime_error("sold"); return a; }
}
extern "C" __attribute__((noinline)) int plain_c(int a) {
  char *b = static_cast<char *>(alloca(a * 100)); b[0] = a; return b[a - 1] + shop::buy(a); }
int main(int argc, char **) {
  alignas(64) char b[128] = {}; shop::Basket<long> basket{{1, 2, argc}};
  std::printf("%d %p\n", plain_c(argc), static_cast<void *>(b)); return basket.total(); }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A C++ program with exceptions, alloca and a realigned frame."""
    path = tmp_path_factory.mktemp("inspect") / "program"
    subprocess.run(["g++", "-O2", "-Wl,--build-id", "-x", "c++", "-o", path, "-"], input=SOURCE, text=True,
                   check=True, timeout=60)
    return str(path)


def paragraphs(run):
    """{name: value} of the report; names are indented under their paragraph's."""
    values, head = {}, ""
    for line in run.succeed().stdout.decode().splitlines():
        if line:
            name, value = line[:16].rstrip(), line[17:]
            if name.startswith("  "):
                name = f"{head}/{name.strip()}"
            else:
                head = name
            values[name] = value
    return values


def section_size(path, name):
    for line in run_program(["readelf", "-SW", path]).splitlines():
        fields = line.split("]")[-1].split()
        if fields[:1] == [name]:
            return int(fields[4], 16)
    return 0


@pytest.mark.requires("g++", "readelf")
def test_report(pprofd, program):
    """Build id, sizes and counts of the report are readelf's."""
    values = paragraphs(pprofd.run("inspect", program))
    assert values["file"] == program
    assert values["build id"] == re.search(r"Build ID: (\w+)", run_program(["readelf", "-nW", program]))[1]
    assert values["machine"] == "x86-64"
    assert values["size"] == f"{len(open(program, 'rb').read())} bytes"
    assert values["unwind rows/.eh_frame"] == f"{section_size(program, '.eh_frame')} bytes"
    frames = run_program(["readelf", "-W", "--debug-dump=frames", program])
    assert int(values["unwind rows/FDEs"]) == len(re.findall(r" FDE cie=", frames))
    assert float(values["unwind rows/time"].split()[0]) > 0
    parts = [int(value) for name, value in values.items() if name.startswith("symbols/.")]
    assert int(values["symbols"]) == sum(parts) > 10


@pytest.mark.requires("g++")
def test_stripped_file(pprofd, program, tmp_path):
    """A stripped file has no .symtab symbols left; its rows are the same."""
    stripped = tmp_path / "stripped"
    run_program(["strip", "-s", "-o", stripped, program])
    values = paragraphs(pprofd.run("inspect", stripped))
    assert values["symbols/.symtab"] == "0"
    assert values["unwind rows"] == paragraphs(pprofd.run("inspect", program))["unwind rows"]


def addresses_in(path, *sections):
    """The addresses of a file's sections of these names, the one behind each included."""
    found = set()
    for line in run_program(["readelf", "-SW", path]).splitlines():
        fields = line.replace("[ ", "[").split()
        if len(fields) > 5 and fields[1] in sections:
            found |= set(range(int(fields[3], 16), int(fields[3], 16) + int(fields[5], 16) + 1))
    return found


@pytest.mark.requires("g++", "readelf")
@pytest.mark.parametrize("file", ["program", "libc", "pprofd"])
def test_rows(pprofd, program, file):
    """Every row is readelf's, but for code that call frame information leaves out or is silent about:
    a program's start, where coroutines end, signal trampolines, and the sections .init and .fini."""
    path = {"program": program, "libc": LIBC, "pprofd": str(PPROFD)}[file]
    run = pprofd.run("inspect", path, "--rows", seconds=120).succeed()
    ours, theirs = parse_rows(run.stdout.decode()), readelf_rows(path)
    addresses = [address for address, _ in ours]
    assert addresses == sorted(set(addresses))
    compared, listed, differences = compare_rows(ours, theirs)
    assert compared > 20
    added = addresses_in(path, ".init", ".fini")
    assert [d for d in differences if d[1] != OUTERMOST and d[0] not in added] == []
    assert listed.get("unsupported", 0) < compared / 100


def symbol_lines(run):
    lines = [line.split(" ", 3) for line in run.succeed().stdout.decode().splitlines()]
    return [(int(start, 16), int(size, 16), source, name) for start, size, source, name in lines]


@pytest.mark.requires("g++", "nm")
def test_symbols(pprofd, program):
    """Symbols stand in address order, with nm's addresses and sizes, and C++ names as written."""
    symbols = symbol_lines(pprofd.run("inspect", "--symbols", program))
    assert [s[0] for s in symbols] == sorted(s[0] for s in symbols)
    by_name = {name: (start, size, source) for start, size, source, name in symbols}
    written = {"plain_c": "plain_c", "_ZN4shop3buyEi": "shop::buy(int)", "main": "main",
               "_ZNK4shop6BasketIlE5totalEv": "shop::Basket<long>::total() const"}
    theirs = {line.split()[-1]: line.split() for line in run_program(["nm", "-S", program]).splitlines()}
    for mangled, name in written.items():
        if mangled in theirs:
            start, size = (int(field, 16) for field in theirs[mangled][:2])
            assert by_name[name] == (start, size, ".symtab")
    assert {"plain_c", "shop::buy(int)", "main"} <= by_name.keys()
    assert by_name["printf@plt"][2] == ".plt"


@pytest.mark.requires("nm")
def test_symbols_of_libc(pprofd):
    """Each function that nm finds in libc is there, under one of its names."""
    names = {}
    for start, _, _, name in symbol_lines(pprofd.run("inspect", "--symbols", LIBC)):
        names.setdefault(start, set()).add(name)
    functions = {}
    for line in run_program(["nm", "-D", "--defined-only", LIBC]).splitlines():
        address, kind, name = line.split()
        if kind in "TtWi":
            functions.setdefault(int(address, 16), set()).add(name.split("@")[0])
    assert len(functions) > 1000
    assert [hex(at) for at, known in functions.items() if not known & names.get(at, set())] == []


def test_rows_and_symbols(pprofd):
    """Both together are the rows, an empty line, the symbols."""
    path = workload("burn")
    both = pprofd.run("inspect", "--symbols", "--rows", path).succeed().stdout
    rows = pprofd.run("inspect", "--rows", path).succeed().stdout
    symbols = pprofd.run("inspect", "--symbols", path).succeed().stdout
    assert both == rows + b"\n" + symbols and rows and symbols


@pytest.mark.parametrize("option", ["--rows", "--symbols"])
def test_closed_pipe(option):
    """A reader that has seen enough ends pprofd and its worker at once."""
    process = subprocess.Popen([PPROFD, "inspect", option, LIBC], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout.readline()
        workers = children_of(process.pid)
        process.stdout.close()
        process.wait(10)
        wait_until(lambda: not any(is_running(pid) for pid in workers), "the end of the worker", 10)
        assert process.stderr.read() in (b"", b"pprofd: error: write to standard output: Broken pipe\n")
    finally:
        process.kill()
        process.wait()


def is_running(pid):
    try:
        return "pprofd" in open(f"/proc/{pid}/cmdline").read()
    except OSError:
        return False


@pytest.mark.parametrize("option", [[], ["--rows"], ["--symbols"]], ids=["report", "rows", "symbols"])
def test_full_disk(option):
    """Output that does not arrive is a failure that is said once."""
    with open("/dev/full", "wb") as full:
        answer = subprocess.run([PPROFD, "inspect", *option, LIBC], stdout=full, stderr=subprocess.PIPE,
                                text=True, timeout=60)
    assert answer.returncode == 1
    assert answer.stderr == "pprofd: error: write to standard output: No space left on device\n"


@pytest.mark.parametrize("name", sorted(elf_files.hostile_files()))
def test_hostile_file(pprofd, tmp_path, name):
    """A file that lies about itself is reported or refused, in time and in clean words."""
    content = elf_files.hostile_files()[name]
    path = tmp_path / "file"
    path.write_bytes(content() if callable(content) else content)
    for options in ([], ["--rows", "--symbols"]):
        run = pprofd.run("inspect", path, *options, seconds=30)
        assert run.status in (0, 1)
        assert len(run.stderr.splitlines()) == run.status
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", run.stdout)
        run.stdout.decode()
