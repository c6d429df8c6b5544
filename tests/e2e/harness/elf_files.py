"""Files that pretend to be programs. Each holds real code at CODE_OFFSET, which the workload map_code
maps and calls, so that samples do fall into it; the rest is as hostile as an ELF file can be."""
import lzma
import struct

CODE_OFFSET = 4096
# push rbp; mov rbp, rsp; mov ecx, 10000; loop: dec ecx; jnz loop; pop rbp; ret
CODE = bytes.fromhex("554889e5b910270000ffc975fc5dc3")

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE = 1, 2, 3, 7
PT_LOAD = 1


def header(*, phoff=64, phnum=1, shoff=0, shnum=0, shstrndx=0, shentsize=64, phentsize=56, kind=3):
    return struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, 62, 1, 0, phoff, shoff, 0, 64, phentsize,
                       phnum, shentsize, shnum, shstrndx)


def load_segment(offset=0, address=0, file_size=8192, memory_size=8192):
    return struct.pack("<IIQQQQQQ", PT_LOAD, 5, offset, address, address, file_size, memory_size, 4096)


def section(name=0, kind=0, flags=0, address=0, offset=0, size=0, link=0, info=0, align=1, entry=0):
    return struct.pack("<IIQQQQIIQQ", name, kind, flags, address, offset, size, link, info, align, entry)


def symbol(name, value, size, kind=0x12, index=1):
    return struct.pack("<IBBHQQ", name, kind, 0, index, value, size)


def image(start, tail=b""):
    """The start of a file, real code at CODE_OFFSET, and what follows after that page."""
    page = CODE + bytes(4096 - len(CODE))
    return start.ljust(CODE_OFFSET, b"\0")[:CODE_OFFSET] + page + tail


def with_sections(sections, contents):
    """An image whose section headers, and their contents, stand behind the code."""
    shoff = 8192
    tail = b"".join(sections)
    return image(header(shoff=shoff, shnum=len(sections), shstrndx=len(sections) - 1) + load_segment(),
                 tail + contents)


def _symbol_table(entries, names, *, size=None, entry=24, link=2, strings=None):
    """Sections 1 .symtab, 2 .strtab; sizes may lie."""
    table = b"".join(entries)
    count = 4
    base = 8192 + 64 * count
    shstr = b"\0.symtab\0.strtab\0.shstrtab\0"
    contents = table + names + shstr
    sections = [
        section(),
        section(1, SHT_SYMTAB, offset=base, size=len(table) if size is None else size, link=link, info=1,
                align=8, entry=entry),
        section(9, SHT_STRTAB, offset=base + len(table), size=len(names) if strings is None else strings),
        section(17, SHT_STRTAB, offset=base + len(table) + len(names), size=len(shstr)),
    ]
    return with_sections(sections, contents)


def _debug_data(packed):
    shstr = b"\0.gnu_debugdata\0.shstrtab\0"
    base = 8192 + 64 * 3
    return with_sections(
        [section(), section(1, SHT_PROGBITS, offset=base, size=len(packed)),
         section(16, SHT_STRTAB, offset=base + len(packed), size=len(shstr))], packed + shstr)


def _bomb(size):
    packer = lzma.LZMACompressor(format=lzma.FORMAT_XZ, preset=1)
    chunk = bytes(1 << 20)
    packed = [packer.compress(b"\x7fELF\x02\x01\x01")]
    packed += [packer.compress(chunk) for _ in range(size >> 20)]
    return b"".join(packed) + packer.flush()


HUGE = 2**62
NULL = struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)


def hostile_files():
    """{name: content, or a function that makes it}. Each name says what is wrong with the file."""
    names = b"\0mapped_function\0"
    good = symbol(1, CODE_OFFSET, len(CODE))
    real = _symbol_table([NULL, good], names)
    return {
        "well-formed": real,
        "not-elf": image(b"#!/bin/sh\necho no\n"),
        "magic-only": image(b"\x7fELF"),
        "no-sections": image(header() + load_segment()),
        "sections-cut-off": real[:8192],
        "symbols-cut-off": real[: 8192 + 64 * 4 + 30],
        "section-headers-beyond-the-end": image(header(shoff=HUGE, shnum=10, shstrndx=9) + load_segment()),
        "65535-sections": image(header(shoff=8192, shnum=65535, shstrndx=65534) + load_segment(), bytes(640)),
        "extended-section-count": image(
            header(shoff=8192, shnum=0, shstrndx=0xFFFF) + load_segment(),
            section(size=2**40, link=2**31)),
        "65535-segments": image(header(phnum=65535) + load_segment()),
        "segments-beyond-the-end": image(header(phoff=HUGE)),
        "segment-of-exabytes": image(header() + load_segment(file_size=HUGE, memory_size=HUGE)),
        "segments-that-wrap": image(header() + load_segment(address=2**64 - 4096, memory_size=2**63)),
        "symbol-table-of-exabytes": _symbol_table([NULL, good], names, size=HUGE),
        "symbols-of-no-size": _symbol_table([NULL, good], names, entry=0),
        "string-table-of-exabytes": _symbol_table([NULL, good], names, strings=HUGE),
        "string-table-is-itself": _symbol_table([NULL, good], names, link=1),
        "string-table-that-is-not-there": _symbol_table([NULL, good], names, link=60000),
        "names-without-end": _symbol_table([NULL, symbol(1, CODE_OFFSET, 15)], b"\0" + b"a" * 4_000_000),
        "name-beyond-the-strings": _symbol_table([NULL, symbol(2**31, CODE_OFFSET, 15)], names),
        "name-with-escapes": _symbol_table([NULL, good], b"\0\x1b[31m\n\t\xff\xfe;evil\0"),
        "symbols-that-wrap": _symbol_table([NULL, symbol(1, 2**64 - 8, 2**63), good], names),
        "symbols-all-alike": _symbol_table([NULL] + [good] * 200_000, names),
        "debug-data-no-xz": _debug_data(b"no xz at all"),
        "debug-data-cut-off": _debug_data(lzma.compress(real)[:-40]),
        "debug-data-within-debug-data": _debug_data(lzma.compress(_debug_data(lzma.compress(real)))),
        "debug-data-bomb": lambda: _debug_data(_bomb(1 << 29)),
        "mangled-name-that-explodes": _symbol_table(
            [NULL, good], b"\0_Z1f" + b"N1A" * 3 + b"S_" * 60_000 + b"I" * 5000 + b"\0"),
        "rust-name-that-explodes": _symbol_table(
            [NULL, good], b"\0_RNv" + b"T" * 2000 + b"B3_" * 40_000 + b"\0"),
    }
