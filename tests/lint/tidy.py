#!/usr/bin/python3
"""tidy.py BUILD [--tests | --sample]: clang-tidy-19 over the sources of ours that BUILD compiles, on all
CPUs. The tests' own sources, which take several times as long, only with --tests; an eighth of the others,
always the same, with --sample.

BUILD is a unity build: the headers of a library's sources, which take most of the time, are read once.

A unit that was clean is not looked at again until one of its sources, any header, its command line or the rules
change: build/lint remembers them by hash."""
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEMORY = ROOT / "build" / "lint"
DEADLINE_A_FILE = 300


def tracked(*patterns):
    answer = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in answer.stdout.decode().split("\0") if name]


def units(build):
    """{what is compiled: (command line, the sources of ours in it)}; generated files are not ours."""
    ours = set(tracked("*.cc", "*.c"))
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        unit = Path(entry["file"])
        in_it = {unit}
        if unit.parent.name == "Unity":
            in_it = {Path(name) for name in re.findall(r'^#include "(.*)"$', unit.read_text(), re.MULTILINE)}
        sources = sorted(in_it & ours)
        if sources:
            found[unit] = entry.get("command") or " ".join(entry["arguments"]), sources
    if "--tests" in sys.argv:
        return found
    every = 8 if "--sample" in sys.argv else 1

    def chosen(sources):
        folder = sources[0].relative_to(ROOT).parent
        return folder.parts[0] != "tests" and zlib.crc32(str(folder).encode()) % every == 0

    return {unit: work for unit, work in found.items() if chosen(work[1])}


def digest_of_rules():
    digest = hashlib.sha256()
    for path in sorted([*tracked("*.h"), *tracked("*.proto"), *tracked("*.clang-tidy")]):
        digest.update(path.read_bytes())
    return digest


def check(unit, command, sources, build, rules):
    digest = rules.copy()
    digest.update(command.encode())
    for source in sources:
        digest.update(source.read_bytes())
    stamp = MEMORY / digest.hexdigest()
    if stamp.exists():
        return unit, 0.0, ""
    start = time.monotonic()
    # Options and precompiled headers that only GCC has are no business of clang-tidy's.
    answer = subprocess.run(
        ["clang-tidy-19", "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
         "--extra-arg=-Wno-ignored-gch",
         "--checks=-bugprone-suspicious-include", unit],
        capture_output=True, text=True, timeout=DEADLINE_A_FILE)
    if answer.returncode == 0:
        stamp.touch()
        return unit, time.monotonic() - start, ""
    return unit, time.monotonic() - start, answer.stdout + answer.stderr


def main():
    build = (ROOT / sys.argv[1]).resolve()
    MEMORY.mkdir(parents=True, exist_ok=True)
    rules = digest_of_rules()
    work = units(build)
    assert work, f"{build} compiles nothing of ours"
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(check, unit, command, sources, build, rules)
                   for unit, (command, sources) in work.items()]
        for done in concurrent.futures.as_completed(waiting):
            unit, seconds, complaint = done.result()
            print(f"{unit.relative_to(ROOT)}  {seconds:.1f} s", flush=True)
            if complaint:
                failures += 1
                print(complaint, flush=True)
    print(f"{sum(len(sources) for _, sources in work.values())} files in {len(work)} units, "
          f"{failures} with complaints")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
