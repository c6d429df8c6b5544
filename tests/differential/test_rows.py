"""Unwind rows against libdw and readelf, on the machine's own ELF files and on programs made here.

A normal run takes a fixed sample; --long every file. The verdict of each file, with what was counted
but is no difference, goes to build/tests/rows-libdw.tsv and rows-readelf.tsv.
"""
import functools
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build/release/bin/rows_tool"
AGAINST_LIBDW = ROOT / "build/release/bin/rows_against_libdw"
AGAINST_READELF = Path(__file__).parent / "rows/rows_against_readelf.py"
FOLDERS = ("/usr", "/lib", "/lib64", "/opt")

# In every sample, where the machine has them: files that once were, or are likely to be, special.
NOTABLE = (
    "libc.so.6", "ld-linux-x86-64.so.2", "libcrypto.so.3", "libstdc++.so.6", "libgcrypt.so.20",
    "libm.so.6", "libpthread.so.0", "libgmp.so.10", "libffi.so.8", "libgcc_s.so.1", "busybox",
    "python3.11", "bash", "git", "gdb", "node", "go", "cargo", "rustc",
)
SAMPLE = 520
# How a file may be refused; everything else is a failure.
REFUSALS = ("32-bit ELF files are not supported", "big-endian ELF files are not supported",
            "a relocatable file has no addresses yet", "is neither x86-64 nor arm64", "machine: ")

CODE = r"""
#include <alloca.h>
#include <cstdio>
#include <cstring>
#include <stdexcept>
struct Guard { ~Guard() { std::puts("gone"); } };
__attribute__((noinline)) int thrower(int a) { if (a > 3) throw std::runtime_error("x"); return a; }
__attribute__((noinline)) int catcher(int a) {
  Guard guard; try { return thrower(a); } catch (const std::exception &) { return -1; } }
__attribute__((noinline)) int grower(int a) {
  char *b = static_cast<char *>(alloca(a * 100)); std::memset(b, a, a * 100); return catcher(b[a]); }
__attribute__((noinline)) int aligned(int a) {
  alignas(64) char b[128]; std::memset(b, a, sizeof b); return grower(b[7] & 7); }
__attribute__((noinline)) int large(int a) {
  char b[100000]; std::memset(b, a, sizeof b); return aligned(b[77777]); }
int main(int argc, char **) { return large(argc) + aligned(argc); }
"""


@pytest.fixture(scope="session", autouse=True)
def built():
    for path in (TOOL, AGAINST_LIBDW):
        assert path.exists(), f"{path} is not built"


@functools.cache
def elf_files():
    """Every ELF file, each once, in a fixed order."""
    found = {}
    for folder in FOLDERS:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                try:
                    with open(os.path.realpath(path), "rb") as file:
                        info = os.fstat(file.fileno())
                        start = file.read(18)
                        if info.st_size > 4096 and start[:4] == b"\x7fELF":
                            found.setdefault((info.st_dev, info.st_ino),
                                             (os.path.realpath(path), start[4] == 2 and start[16] != 1))
                except OSError:
                    continue
    # Files of 32 bits and relocatable ones are of no use here; a handful shows that they are refused.
    paths = sorted(found.values())
    return [path for path, useful in paths if useful] + [path for path, useful in paths if not useful][:5]


def sample(paths, count):
    notable = {os.path.realpath(path) for path in paths if os.path.basename(path) in NOTABLE}
    for folder in ("/lib/x86_64-linux-gnu", "/lib64", "/usr/bin"):
        notable |= {os.path.realpath(os.path.join(folder, name)) for name in NOTABLE
                    if os.path.exists(os.path.join(folder, name))}
    small = [path for path in paths if os.path.getsize(path) < 8 << 20 and path not in notable]
    step = max(1, len(small) // max(1, count - len(notable)))
    return sorted(notable & set(paths)) + small[::step]


def run_over(command, paths, report):
    """Runs the command over the files, as many at once as there are CPUs; its lines, split."""
    batches = [paths[i:i + 16] for i in range(0, len(paths), 16)]

    def run(batch):
        return subprocess.run([*command, *batch], capture_output=True, text=True, timeout=3600)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(run, batches))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("".join(result.stdout for result in results))
    lines = [line.split("\t") for result in results for line in result.stdout.splitlines()]
    complaints = "".join(result.stderr for result in results)
    assert len(lines) == len(paths), complaints
    assert all(result.returncode == 0 for result in results), complaints
    return lines


def check_refusals(lines):
    for line in lines:
        if line[1] == "refused":
            assert any(known in line[3] for known in REFUSALS), line


def test_rows_are_libdws(long):
    paths = elf_files()
    if not long:
        paths = sample(paths, SAMPLE)
    lines = run_over([AGAINST_LIBDW], paths, ROOT / "build/tests/rows-libdw.tsv")
    check_refusals(lines)
    same = [line for line in lines if line[1] == "same"]
    print(f"{len(same)} files, {sum(int(line[2]) for line in same)} rows")
    assert len(same) >= 500
    assert sum(int(line[2]) for line in same) > 1_000_000


def test_rows_are_readelfs(long):
    paths = elf_files()
    limit = (64 << 20) if long else (2 << 20)
    paths = [path for path in paths if os.path.getsize(path) < limit]
    if not long:
        paths = sample(paths, 60)
    lines = run_over([sys.executable, AGAINST_READELF, TOOL], paths,
                     ROOT / "build/tests/rows-readelf.tsv")
    check_refusals(lines)
    assert sum(line[1] == "same" for line in lines) >= 40


def compare(paths, tmp_path):
    paths = [str(path) for path in paths]
    for command, name in (([AGAINST_LIBDW], "libdw"), ([sys.executable, AGAINST_READELF, TOOL], "readelf")):
        lines = run_over(command, paths, tmp_path / f"{name}.tsv")
        assert all(line[1] == "same" and int(line[2]) > 5 for line in lines), lines


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not there")


def program(compiler, flags, tmp_path, name):
    source = tmp_path / "code.cc"
    source.write_text(CODE)
    out = tmp_path / name
    subprocess.run([compiler, *flags, str(source), "-o", str(out)], check=True)
    return out


X86_FLAGS = {
    "O0": ["-O0"],
    "O1": ["-O1"],
    "O2": ["-O2", "-fomit-frame-pointer"],
    "O3-avx": ["-O3", "-mavx2"],
    "frame-pointers": ["-O2", "-fno-omit-frame-pointer"],
    "static": ["-O2", "-static"],
    "static-pie": ["-O2", "-static-pie"],
}


@pytest.mark.parametrize("compiler", ["g++", "clang++-19"])
def test_compilers_output(compiler, tmp_path):
    need(compiler)
    compare([program(compiler, flags, tmp_path, name) for name, flags in X86_FLAGS.items()], tmp_path)


def test_debug_frame_alone(tmp_path):
    """Code without .eh_frame, as kernels and embedded programs have it."""
    need("gcc")
    source = tmp_path / "code.c"
    source.write_text("int f(int a); int g(int a) { char b[a]; b[0] = 1; return f(b[a / 2]) + 1; }\n"
                      "int f(int a) { return a > 5 ? g(a - 1) + 2 : a; }\n"
                      "int main(int argc, char **argv) { return g(argc); }\n")
    files = []
    for name, flags in {"plain": [], "compressed": ["-gz"], "gold": ["-gz", "-fuse-ld=gold"]}.items():
        out = tmp_path / name
        subprocess.run(["gcc", "-O1", "-g", "-fno-asynchronous-unwind-tables", "-nostartfiles",
                        "-nostdlib", "-static", "-Wl,-e,main", *flags, str(source), "-o", str(out)], check=True)
        sections = subprocess.run(["readelf", "-SW", str(out)], capture_output=True, text=True,
                                  check=True).stdout
        assert ".debug_frame" in sections and ".eh_frame" not in sections
        files.append(out)
    compare(files, tmp_path)


ARM_FLAGS = {
    "O0": ["-O0"],
    "O2": ["-O2"],
    "omit": ["-O3", "-fomit-frame-pointer"],
    "signed": ["-O2", "-mbranch-protection=standard"],
    "signed-b": ["-O2", "-mbranch-protection=pac-ret+leaf+b-key"],
    "static": ["-O2", "-static"],
}


def test_arm64_cross_compiled(tmp_path):
    compiler = "aarch64-linux-gnu-g++"
    need(compiler)
    compare([program(compiler, flags, tmp_path, name) for name, flags in ARM_FLAGS.items()], tmp_path)


def dump(path):
    return subprocess.run([TOOL, "dump", path], capture_output=True, text=True, check=True).stdout


def test_file_without_sections_has_the_same_rows(tmp_path):
    need("g++")
    whole = program("g++", ["-O2", "-static-pie"], tmp_path, "whole")
    content = bytearray(whole.read_bytes())
    content[0x28:0x30] = bytes(8)  # e_shoff
    content[0x3C:0x40] = bytes(4)  # e_shnum, e_shstrndx
    bare = tmp_path / "bare"
    bare.write_bytes(content)
    assert "no sections" in subprocess.run(["readelf", "-SW", str(bare)], capture_output=True,
                                           text=True).stdout
    rows = dump(bare)
    assert rows.count("\n") > 1000
    assert rows == dump(whole)


def test_32_bit_files_are_refused_with_the_reason(tmp_path):
    file = tmp_path / "small"
    file.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(200))
    result = subprocess.run([TOOL, "dump", file], capture_output=True, text=True)
    assert result.returncode == 1
    assert "32-bit ELF files are not supported" in result.stderr
