"""What keeps the CPUs busy for kernel_time.py: one copy a CPU, none of it with frame pointers, and for loads of
our own a build with them for the kernel's walk."""
import contextlib
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

import measure
import mix
import peer
from harness.processes import Process

SOURCES = Path(__file__).resolve().parent / "load_programs"
LIBRARIES = 3
BUILDS = {"without": ["-fomit-frame-pointer"], "with": ["-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer"]}


@dataclass
class Load:
    """`command` runs without frame pointers; `executable` is the file that burns, None for several."""
    name: str
    command: list
    executable: str | None
    with_frame_pointers: list = field(default_factory=list)


class Running:
    """A load's copies; they can be stopped and continued."""

    def __init__(self, commands, folder):
        self._processes = []
        try:
            for command in commands:
                self._processes.append(Process(command, cwd=folder, stdout=measure.NOWHERE, stderr=measure.NOWHERE))
                measure.prefer(self._processes[-1].pid)
        except BaseException:
            self.close()
            raise

    def _signal(self, number):
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def stop(self):
        self._signal(signal.SIGSTOP)

    def go_on(self):
        self._signal(signal.SIGCONT)

    def close(self):
        for process in self._processes:
            process.kill()


def compiled(name, source, options):
    """{"with": program, "without": program}, with and without frame pointers."""
    programs = {}
    for build, frame_pointers in BUILDS.items():
        programs[build] = output = peer.BUILD / "loads" / build / name
        measure.make(output, SOURCES.glob("function*" if "function" in source else source),
                     ["g++", "-std=c++20", "-O2", *frame_pointers, *options, "-o", output, SOURCES / source])
    return programs


def chain(name, depth):
    programs = compiled(f"chain{depth}", "chain.cc", [f"-DDEPTH={depth}"])
    return Load(name, [programs["without"]], str(programs["without"]), [programs["with"]])


def functions():
    program = compiled("functions", "functions_main.cc", [])
    libraries = [compiled(f"functions{i}.so", "functions.cc", ["-shared", "-fPIC", f"-DLIBRARY={i}"])
                 for i in range(LIBRARIES)]
    commands = {build: [program[build], *(library[build] for library in libraries)] for build in BUILDS}
    return Load("many functions", commands["without"], str(program["without"]), commands["with"])


def for_ever(command):
    return ["sh", "-c", f"while :; do {command}; done"]


def clang():
    program = os.path.realpath(shutil.which("clang++-19") or "/usr/bin/clang++-19")
    source = SOURCES / "functions.cc"
    return Load("clang", for_ever(f"{program} -std=c++20 -O2 -DLIBRARY=0 -c {source} -o /dev/null"), program)


def python():
    return Load("python3", ["/usr/bin/python3", "-c", mix.PYTHON], os.path.realpath("/usr/bin/python3"))


def openssl():
    program = os.path.realpath(shutil.which("openssl"))
    return Load("openssl", for_ever(f"{program} speed -seconds 2 rsa2048 sha256"), program)


def mixed():
    return Load("mix", [], None)


LOADS = {
    "shallow": lambda: chain("shallow", 3),
    "30": lambda: chain("30 deep", 30),
    "100": lambda: chain("100 deep", 100),
    "functions": functions,
    "clang": clang,
    "python": python,
    "openssl": openssl,
    "mix": mixed,
}


def commands_of(load, folder):
    """One copy for each CPU; of the mix, whose programs keep several busy, all of its programs."""
    if load.command:
        return [load.command] * measure.cpus()
    sets = []
    for number in range(-(-measure.cpus() // 4)):
        own = Path(folder) / str(number)
        own.mkdir()
        sets += [command for _, command in mix.programs(own)[0]]
    return sets
