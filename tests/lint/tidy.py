#!/usr/bin/python3
"""tidy.py BUILD [--tests | --sample]: clang-tidy-19 over the sources of ours that BUILD compiles, on all
CPUs. The tests' own sources, which take as long again, only with --tests; a sixteenth of the others, always
the same, with --sample.

A file that was clean is not looked at again until it, any header, its command line or the rules
change: build/lint remembers them by hash."""
import concurrent.futures
import hashlib
import json
import os
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


def commands(build):
    """{source: command line} of what is ours and compiled; generated files are not ours."""
    ours = set(tracked("*.cc", "*.c"))
    entries = json.loads((build / "compile_commands.json").read_text())
    commands = {Path(e["file"]): e.get("command") or " ".join(e["arguments"]) for e in entries
                if Path(e["file"]) in ours}
    if "--tests" in sys.argv:
        return commands
    every = 16 if "--sample" in sys.argv else 1
    return {path: command for path, command in commands.items()
            if path.parts[len(ROOT.parts)] != "tests" and zlib.crc32(str(path.relative_to(ROOT)).encode()) % every == 0}


def digest_of_rules():
    digest = hashlib.sha256()
    for path in sorted([*tracked("*.h"), *tracked("*.proto"), ROOT / ".clang-tidy"]):
        digest.update(path.read_bytes())
    return digest


def check(source, command, build, rules):
    digest = rules.copy()
    digest.update(command.encode() + source.read_bytes())
    stamp = MEMORY / digest.hexdigest()
    if stamp.exists():
        return source, 0.0, ""
    start = time.monotonic()
    # Options and precompiled headers that only GCC has are no business of clang-tidy's.
    answer = subprocess.run(
        ["clang-tidy-19", "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
         "--extra-arg=-Wno-ignored-gch", source],
        capture_output=True, text=True, timeout=DEADLINE_A_FILE)
    if answer.returncode == 0:
        stamp.touch()
        return source, time.monotonic() - start, ""
    return source, time.monotonic() - start, answer.stdout + answer.stderr


def main():
    build = (ROOT / sys.argv[1]).resolve()
    MEMORY.mkdir(parents=True, exist_ok=True)
    rules = digest_of_rules()
    work = commands(build)
    assert work, f"{build} compiles nothing of ours"
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(check, source, command, build, rules) for source, command in work.items()]
        for done in concurrent.futures.as_completed(waiting):
            source, seconds, complaint = done.result()
            print(f"{source.relative_to(ROOT)}  {seconds:.1f} s", flush=True)
            if complaint:
                failures += 1
                print(complaint, flush=True)
    print(f"{len(work)} files, {failures} with complaints")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
