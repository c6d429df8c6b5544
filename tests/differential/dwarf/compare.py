#!/usr/bin/env python3
"""What dwarf_tool and llvm-symbolizer-19 say of the same addresses, and where they differ.

usage: compare.py DWARF_TOOL ELF [COUNT] [-- OPTIONS OF DWARF_TOOL]
"""
import collections
import random
import re
import subprocess
import sys

LLVM = "llvm-symbolizer-19"


def code_sections(path):
    """(address, size) of the executable sections."""
    text = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+\S+\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)\s+\S+\s+(\w+)", line)
        if match and "X" in match[4] and "A" in match[4]:
            found.append((int(match[2], 16), int(match[3], 16)))
    return found


def random_addresses(path, count, seed=1):
    """Distinct addresses in code, each byte as likely as any other."""
    sections = code_sections(path)
    total = sum(size for _, size in sections)
    chosen = random.Random(seed).sample(range(total), min(count, total))
    addresses = []
    for position in chosen:
        for start, size in sections:
            if position < size:
                addresses.append(start + position)
                break
            position -= size
    return addresses


def answers(command, addresses):
    """For each address its frames, innermost first, as (function, "file:line:column")."""
    text = "".join(f"{address:#x}\n" for address in addresses)
    result = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", check=True)
    found = []
    for block in result.stdout.split("\n\n"):
        lines = [line for line in block.split("\n") if line]
        if lines:
            found.append(list(zip(lines[::2], lines[1::2])))
    assert len(found) == len(addresses), (len(found), len(addresses), result.stderr[-1000:])
    return found


def ours(tool, path, addresses, options=()):
    return answers([tool, *options, path], addresses)


def llvms(path, addresses, options=()):
    return answers([LLVM, "--functions=linkage", "--inlines", "--no-demangle", *options, f"--obj={path}"], addresses)


def classify(mine, theirs):
    """"same", or in what the two differ."""
    if mine == theirs:
        return "same"
    lines = [[line for _, line in frames] for frames in (mine, theirs)]
    names = [[name for name, _ in frames] for frames in (mine, theirs)]
    if lines[0] == lines[1]:
        if names[0][:-1] == names[1][:-1]:
            return "outermost name"
        return "name"
    if len(lines[0]) != len(lines[1]):
        return "depth"
    return "line"


def compare(mine, theirs, addresses):
    """Counts and examples of each class."""
    counts, examples = collections.Counter(), collections.defaultdict(list)
    for address, a, b in zip(addresses, mine, theirs):
        kind = classify(a, b)
        counts[kind] += 1
        if kind != "same" and len(examples[kind]) < 5:
            examples[kind].append((hex(address), a, b))
    return counts, examples


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        options = arguments[arguments.index("--") + 1:]
        arguments = arguments[:arguments.index("--")]
    if len(arguments) < 2:
        sys.exit(__doc__)
    tool, path = arguments[:2]
    addresses = random_addresses(path, int(arguments[2]) if len(arguments) > 2 else 20_000)
    counts, examples = compare(ours(tool, path, addresses, options), llvms(path, addresses), addresses)
    print(path, dict(counts))
    for kind, found in examples.items():
        for address, mine, theirs in found:
            print(f"  {kind} {address}\n    ours   {mine}\n    llvm   {theirs}")


if __name__ == "__main__":
    main()
