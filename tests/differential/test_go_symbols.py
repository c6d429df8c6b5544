"""Names, lines and inlined calls by Go's own table, against Go's tools and against DWARF.

`go tool addr2line` reads the same table and names the function around an address and the line of
the innermost call; llvm-symbolizer reads DWARF and has the chain of calls. What is counted as no
difference, each with its reason, stands in `difference`.
"""
import collections
import functools
import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "build/release/bin/go_symbols_tool"
SYMBOLIZER = "llvm-symbolizer-19"
ADDRESSES = 20_000

# Nothing of C, and a few hundred inlined generic functions.
SOURCE = """package main

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"text/template"
)

func main() {
	file, err := parser.ParseFile(token.NewFileSet(), os.Args[0], nil, 0)
	fmt.Println(file, err, json.NewEncoder(os.Stdout).Encode(types.Universe.Names()))
	template.Must(template.New("").Parse("{{.}}")).Execute(os.Stdout, os.Args)
}
"""

# Programs of releases for which no toolchain is at hand, as the registry has them: the package, the
# program in it, and whether its release writes down inlined calls.
OLDER = {
    "go1.8": ("@expo/ngrok-bin-linux-x64@2.2.8", "ngrok", False),
    "go1.13": ("esbuild-linux-64@0.1.0", "bin/esbuild", True),
    "go1.14": ("esbuild-linux-64@0.5.3", "bin/esbuild", True),
    "go1.15": ("esbuild-linux-64@0.8.0", "bin/esbuild", True),
    "go1.16": ("esbuild-linux-64@0.12.0", "bin/esbuild", True),
    "go1.17": ("esbuild-linux-64@0.14.0", "bin/esbuild", True),
}


@pytest.fixture(scope="session", autouse=True)
def built():
    assert TOOL.exists(), f"{TOOL} is not built"


@functools.cache
def toolchains():
    """Each Go of this machine, by its release."""
    found = {}
    for go in [shutil.which("go"), *sorted(str(path) for path in Path("/usr/lib").glob("go-*/bin/go"))]:
        if go:
            version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True).stdout
            found.setdefault(version.strip(), go)
    return found


@pytest.fixture(params=toolchains() or ["none"])
def go(request):
    if request.param == "none":
        pytest.skip("there is no Go here")
    return toolchains()[request.param]


def text_of(path):
    sections = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\] \.text +PROGBITS +(\w+) \w+ (\w+)", sections)
    return int(found[1], 16), int(found[2], 16)


def some_addresses(path):
    start, size = text_of(path)
    chosen = random.Random(5)
    return sorted(start + chosen.randrange(size) for _ in range(ADDRESSES))


def ask(command, addresses):
    asked = "".join(f"0x{address:x}\n" for address in addresses)
    return subprocess.run(command, input=asked, capture_output=True, text=True, check=True,
                          timeout=600).stdout


def our_frames(path, addresses):
    """(name, file, line) of each frame, by address."""
    answers = [[]]
    for line in ask([TOOL, path], addresses).splitlines():
        if not line:
            answers.append([])
            continue
        name, place, _ = line.split("\t")
        file, number = place.rsplit(":", 1)
        answers[-1].append((name, file, int(number)))
    assert len(answers) == len(addresses) + 1
    return answers[:-1]


def printed(name):
    """As Go prints names: without type arguments."""
    return re.sub(r"\[.*\]", "[...]", name)


def compare_with_addr2line(path, expected_functions=0.99):
    # The newest: older ones find no table in programs that are loaded anywhere.
    go = next(iter(toolchains().values()))
    addresses = some_addresses(path)
    ours = our_frames(path, addresses)
    lines = ask([go, "tool", "addr2line", path], addresses).splitlines()
    counts = collections.Counter()
    wrong = []
    for address, frames, name, place in zip(addresses, ours, lines[::2], lines[1::2], strict=True):
        file, line = place.rsplit(":", 1)
        if not frames:
            same = name == "?"
            counts["outside"] += same
        else:
            # addr2line has a line of -1 in the padding behind functions.
            same = (frames[-1][0], *frames[0][1:]) == (printed(name), file, max(int(line), 0))
            # The linker's own marks have no lines; addr2line reads those of another function.
            same |= name.startswith("go:") and frames == [(name, "", 0)]
            counts["padding" if int(line) < 0 else "same"] += same
        if not same:
            wrong.append((hex(address), frames, name, place))
    print(path, dict(counts), len(wrong), "differ")
    assert not wrong, wrong[:5]
    assert counts["outside"] <= (1 - expected_functions) * ADDRESSES
    return ours


def test_compiler_is_as_addr2line_has_it(go, tmp_path):
    """Go's compiler, as it came and stripped: every address."""
    folder = subprocess.run([go, "env", "GOTOOLDIR"], capture_output=True, text=True, check=True)
    compiler = Path(folder.stdout.strip()) / "compile"
    if not compiler.exists():
        pytest.skip(f"{compiler} is not there")
    whole = compare_with_addr2line(str(compiler))
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, compiler], check=True)
    assert compare_with_addr2line(str(stripped)) == whole
    assert sum(len(frames) > 1 for frames in whole) > ADDRESSES / 10


def their_frames(path, addresses):
    output = ask([SYMBOLIZER, "--obj", path, "--output-style=JSON", "--inlines"], addresses)
    answers = []
    for line in output.splitlines():
        symbols = json.loads(line).get("Symbol", [])
        answers.append([(symbol["FunctionName"], symbol["FileName"], symbol["Line"]) for symbol in symbols])
    return answers


def in_gos_words(frame):
    """A frame by DWARF, as the table has it."""
    name, file, line = frame
    # The linker tells the two calling conventions apart; DWARF has no middle dot.
    name = re.sub(r"\.abi(0|internal)$", "", printed(name)).replace("·", ".")
    return name, file.removeprefix("./"), line


def difference(ours, theirs):
    """Which of the known kinds; "same", or "other"."""
    if ours and ours[-1][1:] == ("", 0):
        return "padding"
    ours = [(name.replace("·", "."), file, line) for name, file, line in ours]
    theirs = [in_gos_words(frame) for frame in theirs]
    if ours == theirs:
        return "same"
    made_up = [frame[1] == "<autogenerated>" for frame in ours]
    # The compiler's own functions have a file that is none, and llvm-symbolizer then no line.
    if made_up[-1] and theirs and theirs[-1][1] == "" and len(ours) == 1 and ours[0][0] == theirs[0][0]:
        return "autogenerated"
    # The compiler writes no inlined call into the DWARF of a wrapper that it made up.
    if made_up[-1] and len(theirs) == 1 and theirs[0][0] == ours[-1][0]:
        return "call in a wrapper"
    # Go knows a caller's place by an instruction near the call, not by the call.
    if [frame[0] for frame in ours] == [frame[0] for frame in theirs] and ours[0] == theirs[0]:
        return "caller's place"
    return "other"


@pytest.mark.parametrize("flags", [[], ["-buildmode=pie"]], ids=["plain", "pie"])
def test_inlined_calls_are_those_of_dwarf(go, flags, tmp_path):
    if shutil.which(SYMBOLIZER) is None:
        pytest.skip(f"{SYMBOLIZER} is not there")
    (tmp_path / "go.mod").write_text("module example.org/program\ngo 1.19\n")
    (tmp_path / "main.go").write_text(SOURCE)
    subprocess.run([go, "build", "-buildvcs=false", *flags, "-o", "program", "."], cwd=tmp_path, check=True,
                   env={**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}, stdin=subprocess.DEVNULL)
    path = str(tmp_path / "program")
    addresses = some_addresses(path)
    # So what is left below are places where the compiler told DWARF another line than its table.
    ours = compare_with_addr2line(path)
    counts = collections.Counter()
    others = []
    for address, mine, theirs in zip(addresses, ours, their_frames(path, addresses), strict=True):
        kind = difference(mine, theirs) if mine else "outside"
        counts[kind] += 1
        if kind == "other":
            others.append((hex(address), mine, theirs))
    print(path, dict(counts), *others, sep="\n  ")
    compared = ADDRESSES - counts["padding"] - counts["outside"]
    assert len(others) <= compared / 1000, others[:5]
    assert counts["caller's place"] <= compared / 1000
    assert counts["outside"] < ADDRESSES / 100
    assert sum(len(frames) > 2 for frames in ours) > ADDRESSES / 50
    stripped = str(tmp_path / "stripped")
    subprocess.run(["strip", "-o", stripped, path], check=True)
    assert our_frames(stripped, addresses) == ours


@pytest.mark.long
@pytest.mark.parametrize("release", OLDER)
def test_older_releases_are_as_addr2line_has_them(release, tmp_path):
    """Loads the programs from the registry."""
    if not toolchains() or shutil.which("npm") is None:
        pytest.skip("needs Go and npm")
    package, name, has_calls = OLDER[release]
    packed = subprocess.run(["npm", "pack", "--silent", package], cwd=tmp_path, capture_output=True, text=True,
                            timeout=300)
    if packed.returncode != 0:
        pytest.skip(f"no {package}: {packed.stderr[-200:]}")
    subprocess.run(["tar", "xzf", packed.stdout.split()[-1]], cwd=tmp_path, check=True)
    path = str(tmp_path / "package" / name)
    frames = compare_with_addr2line(path, expected_functions=0.97)
    assert (sum(len(chain) > 1 for chain in frames) > ADDRESSES / 10) == has_calls
