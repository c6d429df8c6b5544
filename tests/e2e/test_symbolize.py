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


def symbolize(*arguments, **options):
    return subprocess.run([PPROFD, "symbolize", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          **options)


@pytest.mark.requires("llvm-symbolizer-19")
@pytest.mark.parametrize("name", ["gcc-dwarf5", "gcc-dwarf4-compressed", "gcc-lto", "clang-dwarf5", "rustc"])
def test_every_address_of_a_function(tmp_path, name):
    program, _, _ = build(name, tmp_path)
    asked = addresses_of(program, "main")
    run = symbolize("-e", program, *asked)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == llvm(program, asked)


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


def test_addresses_of_nothing():
    run = symbolize("-e", PPROFD, "0x0", "0xffffffffffffffff")
    assert (run.returncode, run.stdout) == (0, "??\n??:0:0\n\n" * 2)


def test_answers_come_as_addresses_come(tmp_path):
    """A program that waits for each answer gets it."""
    program, source, (mix, spin, outer) = build("gcc-dwarf5", tmp_path)
    asked = addresses_of(program, "_Z5outeri")[:20]
    with subprocess.Popen([PPROFD, "symbolize", "-e", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
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
