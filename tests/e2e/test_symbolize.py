"""`pprofd symbolize -e`: addresses of a file, answered as llvm-symbolizer answers them."""
import collections
import re
import shutil
import subprocess

import pytest
from harness.inlined import build, set_apart
from harness.paths import PPROFD
from harness.processes import run as run_program


def addresses_of(program, function):
    """Every address of a function, by the symbol table."""
    fields = next(line.split() for line in run_program(["nm", "-S", program]).splitlines()
                  if line.split()[-1] == function)
    return [hex(int(fields[0], 16) + at) for at in range(int(fields[1], 16))]


def llvm(program, addresses):
    return run_program(["llvm-symbolizer-19", "-e", program, *addresses], seconds=60)


def symbolize(*arguments, cache="none", **options):
    return subprocess.run([PPROFD, "symbolize", "--cache", cache, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **options)


@pytest.mark.requires("llvm-symbolizer-19")
@pytest.mark.parametrize("name", ["gcc-dwarf5", "gcc-dwarf4-compressed", "gcc-lto", "clang-dwarf5", "rustc"])
def test_every_address_of_a_function(tmp_path, name):
    program, _, _ = build(name, tmp_path)
    asked = addresses_of(program, "main")
    run = symbolize("-e", program, *asked)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == llvm(program, asked)


@pytest.mark.requires("llvm-symbolizer-19")
@pytest.mark.parametrize("options", [[], ["-gz"]], ids=["plain", "compressed"])
@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_split_units(tmp_path, compiler, version, options):
    """Units in files of their own: as the compiler left them, moved beside the program, and gone."""
    folder = tmp_path / "build"
    program, _, _ = build(f"{compiler}-dwarf5", folder, ["-gsplit-dwarf", f"-gdwarf-{version}", *options])
    unit, = folder.glob("*.dwo")
    sections = run_program(["readelf", "-SW", unit])
    assert bool(re.search(r"\.debug_info\.dwo .* CE ", sections)) == bool(options), sections
    asked = addresses_of(program, "main") + addresses_of(program, "_Z5outeri")
    whole = llvm(program, asked)
    assert symbolize("-e", program, *asked).stdout == whole
    unit.rename(tmp_path / unit.name)
    without = llvm(program, asked)
    assert without != whole
    assert symbolize("-e", program, *asked).stdout == without
    program = program.rename(tmp_path / "program")
    assert symbolize("-e", program, *asked).stdout == whole


@pytest.mark.requires("llvm-symbolizer-19")
@pytest.mark.parametrize("compiler", ["g++", "clang++-19"])
def test_many_split_units(tmp_path, compiler):
    """More than the worker holds at a time; no index is made of what it would not know when it changes."""
    numbers = range(100)
    for number in numbers:
        (tmp_path / f"u{number}.cc").write_text(
            "static volatile int sink;\nstatic inline int inner(int a) {\n  return a * sink;\n}\n"
            f"int outer{number}(int a) {{\n  return inner(a) + inner(a + 1);\n}}\n")
    (tmp_path / "main.cc").write_text("int main() { return 0; }\n")
    units = [f"u{number}.cc" for number in numbers]
    run_program([compiler, "-O2", "-g", "-gsplit-dwarf", "-c", *units], cwd=tmp_path, seconds=240)
    program = tmp_path / "program"
    run_program([compiler, "main.cc", *(f"u{number}.o" for number in numbers), "-o", program], cwd=tmp_path)
    asked = [address for number in numbers for address in addresses_of(program, f"_Z6outer{number}i" if number < 10
                                                                       else f"_Z7outer{number}i")]
    expected = llvm(program, asked)
    assert expected.count("inner") > len(numbers)
    cache = tmp_path / "cache"
    for _ in range(2):
        run = symbolize("-e", program, cache=cache, input="\n".join(asked * 4))
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout == expected * 4
    assert list(cache.iterdir()) == []


@pytest.mark.requires("llvm-symbolizer-19")
def test_debug_file_set_apart(tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    asked = addresses_of(program, "_Z5outeri")
    expected = llvm(program, asked)
    set_apart(program, tmp_path / ".debug/program.debug")
    assert symbolize("-e", program, *asked).stdout == expected


@pytest.mark.requires("llvm-symbolizer-19")
def test_large_compressed_debug_file(tmp_path):
    """As distributions have them: more than the worker may hold in memory, compressed."""
    program = tmp_path / "program"
    shutil.copy(PPROFD, program)
    symbols = [line.split() for line in run_program(["nm", "--defined-only", program], seconds=60).splitlines()]
    names = collections.Counter(address for address, *_ in symbols)  # of several, each reader takes another
    asked = ["0x" + address for address, kind, name in symbols
             if kind in "tT" and "6pprofd" in name and names[address] == 1][::10]
    assert len(asked) > 100
    # Without a line it names the object file, by the symbol table.
    expected = re.sub(r"^[^/\n]+:0:0$", "??:0:0", llvm(program, asked), flags=re.MULTILINE)
    run_program(["objcopy", "--only-keep-debug", "--compress-debug-sections", program, tmp_path / "program.debug"],
                seconds=60)
    run_program(["strip", program])
    run_program(["objcopy", f"--add-gnu-debuglink={tmp_path}/program.debug", program])
    run = symbolize("-e", program, *asked)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == expected


def with_index(cache, program, asked):
    """The answer, and the index that is there then."""
    run = symbolize("-e", program, cache=cache, input="\n".join(asked))
    assert (run.returncode, run.stderr) == (0, "")
    kept = list(cache.iterdir())
    assert len(kept) <= 1
    return run.stdout, kept


def test_index_is_made_once_and_answers_the_same(tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    cache = tmp_path / "cache"
    asked = addresses_of(program, "main") * 20
    expected = symbolize("-e", program, *asked).stdout
    first, kept = with_index(cache, program, asked)
    assert first == expected
    assert [file.suffix for file in kept] == [".index"]
    made = kept[0].stat().st_ino
    second, kept = with_index(cache, program, asked)
    assert second == expected
    assert kept[0].stat().st_ino == made
    # Another file of that name has an index of its own.
    shutil.copy(program, tmp_path / "copy")
    (tmp_path / "copy").rename(program)
    third, _ = with_index(tmp_path / "cache2", program, asked)
    assert third == expected


@pytest.mark.requires("llvm-dwp-19")
def test_index_of_a_program_and_its_package(tmp_path):
    """Whether its split units are there makes another index."""
    program, _, _ = build("gcc-dwarf5", tmp_path, ["-gsplit-dwarf"])
    package = tmp_path / "program.dwp"
    run_program(["llvm-dwp-19", "-e", program, "-o", package], cwd=tmp_path)
    for unit in tmp_path.glob("*.dwo"):
        unit.unlink()
    asked = addresses_of(program, "_Z5outeri") * 20
    whole = symbolize("-e", program, *asked).stdout
    for _ in range(2):
        found, kept = with_index(tmp_path / "cache", program, asked)
        assert found == whole and kept
    package.unlink()
    without = symbolize("-e", program, *asked).stdout
    assert without != whole
    assert symbolize("-e", program, *asked, cache=tmp_path / "cache").stdout == without


def damages(index):
    """What may have happened to an index."""
    content = index.read_bytes()
    for size in (0, 1, 100, 400, len(content) // 2, len(content) - 1):
        yield f"cut to {size}", content[:size]
    for place in (0, 8, 20, 300, 360, len(content) // 3, len(content) // 2, len(content) - 10):
        yield f"changed at {place}", content[:place] + bytes([content[place] ^ 4]) + content[place + 1:]
    yield "zeros", bytes(len(content))
    yield "another program's", b"\x7fELF" + content[4:]


def test_damaged_index_is_made_anew(tmp_path):
    program, _, _ = build("gcc-dwarf5", tmp_path)
    cache = tmp_path / "cache"
    asked = addresses_of(program, "main") * 20
    expected, (index,) = with_index(cache, program, asked)
    whole = index.read_bytes()
    for what, content in damages(index):
        index.write_bytes(content)
        for _ in range(2):
            found, _ = with_index(cache, program, asked)
            assert found == expected, what
    found, (index,) = with_index(cache, program, asked)
    assert found == expected and len(index.read_bytes()) == len(whole)


def test_cache_that_is_not_ours_alone(tmp_path):
    for mode, words in ((0o777, "others may write it"), (None, "No such file or directory")):
        folder = tmp_path / "folder"
        if mode is None:
            folder = tmp_path / "none" / "folder"
        else:
            folder.mkdir()
            folder.chmod(mode)
        run = symbolize("-e", PPROFD, "0x10", cache=folder)
        assert run.returncode == 1 and words in run.stderr and "hint: " in run.stderr, run


def test_addresses_of_nothing():
    run = symbolize("-e", PPROFD, "0x0", "0xffffffffffffffff")
    assert (run.returncode, run.stdout) == (0, "??\n??:0:0\n\n" * 2)


def test_answers_come_as_addresses_come(tmp_path):
    """A program that waits for each answer gets it."""
    program, source, (mix, spin, outer) = build("gcc-dwarf5", tmp_path)
    asked = addresses_of(program, "_Z5outeri")[:20]
    with subprocess.Popen([PPROFD, "symbolize", "--cache", "none", "-e", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        for address in asked:
            process.stdin.write(address.removeprefix("0x") + "\n")
            process.stdin.flush()
            lines = list(iter(process.stdout.readline, "\n"))
            assert lines[-2:][0] == f"{outer}\n", lines
            assert lines[-1].startswith(f"{source}:"), lines
        process.stdin.close()
        assert process.wait(20) == 0


def test_bad_input(tmp_path):
    text = tmp_path / "text"
    text.write_text("no program\n")
    for arguments, status, words in (
            (["-e", tmp_path / "none", "1"], 1, ["none", "No such file or directory"]),
            (["-e", text, "1"], 1, ["text", "not an ELF file"]),
            (["-e", tmp_path, "1"], 1, ["not a regular file"]),
            (["-e", PPROFD, "main"], 2, ["'main'", "not a hexadecimal number", "hint:"])):
        run = symbolize(*arguments)
        assert (run.returncode, run.stdout) == (status, ""), run
        assert run.stderr.startswith("pprofd: error: ") and all(word in run.stderr for word in words), run.stderr
    run = symbolize("-e", PPROFD, input="10\nmain\n")
    assert run.returncode == 1 and "'main'" in run.stderr
