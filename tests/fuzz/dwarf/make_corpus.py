#!/usr/bin/env python3
"""Writes seeds for dwarf_fuzzer: small programs with debug information of many kinds.

usage: make_corpus.py FOLDER

A seed's first byte is the shape that dwarf_fuzzer.cc reads.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

WHOLE, WHOLE_SPLIT, SECTIONS = range(3)
# In the order of symbolizer/dwarf/sections.h.
NAMES = ("info", "abbrev", "line", "str", "line_str", "str_offsets", "addr", "ranges", "rnglists", "cu_index")

SOURCE = r"""
static volatile int sink;
static inline __attribute__((always_inline)) int inner(int a) { return a + sink; }
static inline __attribute__((always_inline)) int middle(int a) { return inner(a) * 2; }
__attribute__((noinline)) int outer(int a) { struct { int x; } s = {a}; return middle(s.x) + 3; }
int _start(void) { return outer(sink); }
"""
FLAGS = [[compiler, f"-gdwarf-{version}", level]
         for compiler in ("gcc", "clang-19") for version in (2, 3, 4, 5) for level in ("-O0", "-O2")]
FLAGS += [["gcc", "-g", "-O2", "-gz"], ["gcc", "-g", "-O2", "-gdwarf64"],
          ["gcc", "-g", "-O2", "-ffunction-sections"], ["clang-19", "-gline-tables-only", "-O2"],
          ["clang-19", "-g", "-O2", "-gdwarf-5", "-gsplit-dwarf"], ["gcc", "-g", "-O2", "-gdwarf-4", "-gsplit-dwarf"]]


def sections(data):
    """name: bytes of the file's .debug_ sections, without .dwo at the end."""
    offset, = struct.unpack_from("<Q", data, 0x28)
    entry, count, names = struct.unpack_from("<HHH", data, 0x3A)
    if offset == 0 or entry != 64:
        return {}
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * entry) for i in range(count)]
    strings = headers[names][4]
    found = {}
    for header in headers:
        start = strings + header[0]
        name = data[start:data.index(b"\0", start)].decode()
        if name.startswith(".debug_") and not header[2] & 0x800:  # SHF_COMPRESSED
            found[name.removeprefix(".debug_").removesuffix(".dwo")] = data[header[4]:header[4] + header[5]]
    return found


def seeds(data, split):
    yield bytes([WHOLE_SPLIT if split else WHOLE]) + data
    found = sections(data)
    if "info" in found:
        yield bytes([SECTIONS]) + b"".join(
            struct.pack("<I", len(found.get(name, b""))) + found.get(name, b"") for name in NAMES)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "a.c").write_text(SOURCE)
        for i, command in enumerate(FLAGS):
            # Code at 0x1000, as the fuzzer has it for sections alone.
            subprocess.run([*command, "-w", "-nostdlib", "-static", "-Wl,--build-id=none", "-Wl,-z,noseparate-code",
                            "-Wl,-Ttext=0x1000", "a.c", "-o", f"a{i}"], cwd=folder, check=True)
            for path in [folder / f"a{i}", *sorted(folder.glob("*.dwo"))]:
                for j, seed in enumerate(seeds(path.read_bytes(), path.suffix == ".dwo")):
                    (out / f"seed-{i}-{path.stem}-{j}").write_bytes(seed)
                if path.suffix == ".dwo":
                    path.unlink()


if __name__ == "__main__":
    main()
