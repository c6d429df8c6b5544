"""Programs with a hot loop three functions deep of which two are inlined (tests/workloads/inlined), with
debug information of several kinds."""
import shutil

import pytest

from .paths import ROOT
from .processes import run as run_program

SOURCES = ROOT / "tests/workloads/inlined"

# Names as pprofd has them in full: mix, spin and outer.
CXX = ("hot::mix(unsigned long)", "unsigned long hot::spin<int>(int)", "outer(int)")
RUST = ("inlined::mix", "inlined::spin", "inlined::outer")
GO = ("main.mix", "main.spin", "main.outer")

PROGRAMS = {
    "gcc-dwarf5": (["g++", "-O2", "-g"], "inlined.cc", CXX),
    "gcc-dwarf4": (["g++", "-O2", "-gdwarf-4"], "inlined.cc", CXX),
    "gcc-dwarf4-compressed": (["g++", "-O2", "-gdwarf-4", "-gz"], "inlined.cc", CXX),
    "gcc-lto": (["g++", "-O2", "-g", "-flto=1"], "inlined.cc", CXX),
    "clang-dwarf5": (["clang++-19", "-O2", "-g"], "inlined.cc", CXX),
    "rustc": (["rustc", "-O", "-g"], "inlined.rs", RUST),
    "go": (["go", "build"], "inlined.go", GO),
    "go-stripped": (["go", "build", "-ldflags=-s -w"], "inlined.go", GO),
}


def build(name, folder, options=()):
    command, source, names = PROGRAMS[name]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not there")
    folder.mkdir(exist_ok=True)
    program = folder / "program"
    shutil.copy(SOURCES / source, folder)
    include = ["-I", ROOT] if source.endswith(".cc") else []
    run_program([*command, *options, *include, "-o", program, source], cwd=folder, seconds=240)
    return program, folder / source, names


def set_apart(program, debug_file):
    """Moves symbols and debug information into a file that the program names."""
    debug_file.parent.mkdir(parents=True, exist_ok=True)
    run_program(["objcopy", "--only-keep-debug", program, debug_file])
    run_program(["strip", "--strip-all", program])
    run_program(["objcopy", f"--add-gnu-debuglink={debug_file}", program])
