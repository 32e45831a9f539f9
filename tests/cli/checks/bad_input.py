#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input through the program: each gives status 3 and an offset, or a verdict that is not too mild; none
crashes, hangs, or takes memory out of proportion."""

import collections
import pathlib
import re
import subprocess
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import (  # pylint: disable=wrong-import-position
    EXPORT, FUNCTION, HEADER, MIB, TYPE, Check, body, leb, module, name, section, vec, write)

SMALL = 512 * MIB  # address space for inputs of a few KiB: threads and libraries reserve most of it
MODULES = pathlib.Path(__file__).resolve().parent.parent / "modules"


def refused(check: Check, what: str, *arguments: str, words: str = "", space: int = SMALL) -> None:
    """Status 3, and one line on stderr that names the file and the offset."""
    ended = check.run(*arguments, address_space=space)
    line = re.fullmatch(r"canrec: [^\n]*: 0x[0-9a-f]{8}: [^\n]+ \(E\d+\)\n", ended.err.replace(":0x", ": 0x", 1))
    check.expect(ended.status == 3 and line and words in ended.err, f"{what}: {arguments}: {ended}")


def both_refuse(check: Check, what: str, data: bytes, words: str = "", space: int = SMALL) -> None:
    """Inspect and diff refuse a file. Where the difference alone is unsafe, diff says that and not more."""
    bad = write("bad.wasm", data)
    refused(check, what, "inspect", bad, words=words, space=space)
    refused(check, what, "diff", bad, bad, words=words, space=space)
    ended = check.run("diff", "good.wasm", bad, address_space=space)
    held = ended.status == 3 or (ended.status == 1 and "\nUNSAFE by" in ended.out)
    check.expect(held, f"{what}: against a good module: {ended}")


def no_modules(check: Check) -> None:
    """Files that are something else."""
    both_refuse(check, "empty file", b"")
    both_refuse(check, "text", b"This is not a module.\n", "not a WebAssembly module")
    both_refuse(check, "another version", b"\0asm\2\0\0\0")
    both_refuse(check, "a component", b"\0asm\x0d\0\1\0")


def truncations(check: Check, good: bytes) -> None:
    """Every length shorter than a module's. Some prefixes are modules: what ends after a section is."""
    for length in range(len(good)):
        write("cut.wasm", good[:length])
        for arguments in (("inspect", "cut.wasm"), ("diff", "good.wasm", "cut.wasm")):
            ended = check.run(*arguments, address_space=SMALL)
            check.expect(ended.status in (0, 1, 3), f"cut at {length}: {arguments}: {ended}")
            if ended.status == 3:
                check.expect(re.search(r"^canrec: cut\.wasm:0x[0-9a-f]{8}: ", ended.err), f"cut at {length}: {ended}")


def flips(check: Check, good: bytes) -> None:
    """Every byte of a module changed; `safe` only where nothing that runs or stays was touched."""
    labels = {}
    for line in check.run("inspect", "--bytes", "good.wasm").out.splitlines():
        begin, end, label = re.fullmatch(r"0x(\w+)\.\.0x(\w+) +\S+  (.*)", line).groups()
        labels |= dict.fromkeys(range(int(begin, 16), int(end, 16)), label)
    safe = collections.Counter()
    for at, byte in enumerate(good):
        for mask, command in ((0x01, "diff"), (0xFF, "inspect")):
            write("flipped.wasm", good[:at] + bytes([byte ^ mask]) + good[at + 1:])
            arguments = ("diff", "good.wasm", "flipped.wasm") if command == "diff" else ("inspect", "flipped.wasm")
            ended = check.run(*arguments, address_space=SMALL)
            check.expect(ended.status in (0, 1, 3), f"byte {at} xor {mask}: {ended}")
            if command == "diff" and ended.status == 0:
                safe[labels[at]] += 1
    for label in safe:
        check.expect(re.search(SAFE_TO_CHANGE, label), f"{safe[label]} changes of '{label}' are called safe")


# What may differ between two modules without a difference for the heap: the name section, and the names of the
# exports that are entry points (a method that is renamed is another method to callers, not to the heap).
SAFE_TO_CHANGE = r"^custom section|^export section, entry 1"


def structure(check: Check) -> None:
    """Counts, sizes, order."""
    data = section(11, vec(b"\x01\x04text"))
    cases = {
        "count of types over all bounds": HEADER + section(1, leb(0xFFFFFFFF)),
        "count of functions over all bounds": HEADER + TYPE + section(3, leb(0xFFFFFFFF) + b"\0"),
        "count of bodies over all bounds": HEADER + TYPE + FUNCTION + section(10, leb(0xFFFFFFFF) + b"\0"),
        "count of segments over all bounds": HEADER + section(11, leb(0xFFFFFFFF) + b"\0"),
        "length of a name over all bounds": HEADER + section(7, leb(1) + leb(0xFFFFFFFF) + b"n"),
        "size of a section past the end": HEADER + b"\x01" + leb(1000) + b"\0",
        "size of a section over 4 GiB": HEADER + b"\x01\xff\xff\xff\xff\x7f\0",
        "LEB128 of six bytes": HEADER + b"\x01\x80\x80\x80\x80\x80\x00",
        "LEB128 that never ends": HEADER + b"\x01" + b"\xff" * 100,
        "LEB128 with unused bits": HEADER + b"\x01\x80\x80\x80\x80\x70",
        "section of an unknown kind": HEADER + section(77, b""),
        "sections out of order": HEADER + FUNCTION + TYPE,
        "a section twice": HEADER + TYPE + TYPE,
        "code without functions": HEADER + TYPE + section(10, vec(body(b""))),
        "functions without code": HEADER + TYPE + FUNCTION,
        "a type that is not there": HEADER + TYPE + section(3, vec(b"\x05")) + section(10, vec(body(b""))),
        "an export that is not there": HEADER + section(7, vec(name("f") + b"\x00\x05")),
        "an export twice": HEADER + TYPE + FUNCTION + section(7, vec(*[name("f") + b"\x00\x00"] * 2))
                           + section(10, vec(body(b""))),
        "a name that is not UTF-8": HEADER + TYPE + FUNCTION + section(7, vec(b"\x01\xff\x00\x00"))
                                    + section(10, vec(body(b""))),
        "data count that is wrong": HEADER + section(12, leb(2)) + data,
        "a body without end": HEADER + TYPE + FUNCTION + section(10, vec(leb(2) + b"\x00\x01")),
        "bytes behind the end of a body": HEADER + TYPE + FUNCTION + section(10, vec(leb(3) + b"\x00\x0b\x01")),
        "an unknown instruction": module(b"\xff"),
        "an empty stack": module(b"\x1a"),
        "2^32 locals": module(b"", vec(leb(0xFFFFFFFF) + b"\x7f")),
        "2^32 locals in two groups": module(b"", vec(leb(0x80000000) + b"\x7f", leb(0x80000000) + b"\x7e")),
        "a table of 2^32 elements, filled at its end":
            HEADER + section(4, vec(b"\x70\x00" + leb(0xFFFFFFFF))) + section(9, vec(b"\x00\x41\x7f\x0b" + leb(0xFFFFFFFF))),
        "a feature that the network refuses": HEADER + section(13, vec(b"\x00\x00")),
    }
    for what, data in cases.items():
        both_refuse(check, what, data)


def nesting(check: Check) -> None:
    """Blocks, loops and ifs 100,000 deep: a module like any other, or refused, in the time of a flat one."""
    deep = 100_000
    for what, opening in (("block", b"\x02\x40"), ("loop", b"\x03\x40"), ("if", b"\x41\x01\x04\x40")):
        write("deep.wasm", module(opening * deep + b"\x0b" * deep))
        for arguments in (("inspect", "deep.wasm"), ("diff", "deep.wasm", "deep.wasm"), ("diff", "good.wasm", "deep.wasm"),
                          ("diff", "deep.wasm", "deep.wasm", "--code", "#0")):
            ended = check.run(*arguments, address_space=SMALL, seconds=20)
            check.expect(ended.status in (0, 1, 3) and ended.seconds < 15, f"{what} {deep} deep: {arguments}: {ended}")
    both_refuse(check, "blocks that are not closed", module(b"\x02\x40" * deep))


def large(check: Check) -> None:
    """As large as the network takes, and beyond."""
    # Bodies of 1,000 bytes: constants that are dropped.
    one = body(b"\x41\x01\x1a" * 333)
    count = 95 * MIB // len(one)
    size = len(leb(count)) + count * len(one)
    write("large.wasm", HEADER, TYPE, section(3, leb(count) + b"\0" * count), EXPORT, b"\x0a", leb(size), leb(count), one,
          repeat=count)
    ended = check.run("inspect", "large.wasm", address_space=2048 * MIB)
    # More functions than the network takes is a finding, not a reason to look no further.
    check.expect(ended.status == 1 and "NETWORK RULES" in ended.out, f"95 MiB of code: {ended}")
    check.expect(ended.peak < 300 * MIB and ended.seconds < 30, f"95 MiB of code: {ended}")
    text = 97 * MIB
    segment = b"\x00\x41\x00\x0b" + leb(text)
    write("data.wasm", HEADER, section(5, vec(b"\x00" + leb(1600))), b"\x0b", leb(1 + len(segment) + text), b"\x01", segment,
          bytes(MIB), repeat=97)
    for arguments in (("inspect", "data.wasm"), ("diff", "data.wasm", "data.wasm")):
        ended = check.run(*arguments, address_space=2048 * MIB)
        check.expect(ended.status == 0, f"97 MiB of data: {arguments}: {ended}")
        check.expect(ended.peak < 300 * MIB and ended.seconds < 20, f"97 MiB of data: {arguments}: {ended}")
    padding = name("padding")
    write("over.wasm", HEADER, b"\x00", leb(len(padding) + 120 * MIB), padding, bytes(MIB), repeat=120)
    ended = check.run("inspect", "over.wasm", address_space=2048 * MIB)
    check.expect(ended.status == 1 and "exceeds the maximum allowed size" in ended.out, f"120 MiB: {ended}")
    check.expect(ended.peak < 300 * MIB, f"120 MiB: {ended}")


def gzip(data: bytes, level: int = 1) -> bytes:
    """A gzip stream."""
    maker = zlib.compressobj(level, zlib.DEFLATED, 31)
    return maker.compress(data) + maker.flush()


def compressed(check: Check, good: bytes) -> None:
    """gzip'd modules that are not what they say."""
    write("good.gz", gzip(good))
    ended = check.run("diff", "good.wasm", "good.gz", address_space=SMALL)
    check.expect(ended.status == 0, f"the same module, packed: {ended}")
    both_refuse(check, "gzip, cut", gzip(good)[:-9])
    both_refuse(check, "gzip, no contents", gzip(good)[:10])
    both_refuse(check, "gzip, another checksum", gzip(good)[:-8] + b"\0" * 8)
    both_refuse(check, "gzip of text", gzip(b"text"), "not a WebAssembly module")
    # 512 MiB of zeros in half a MiB: unpacked as far as the bound, no further.
    maker = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(maker.compress(bytes(MIB)) for _ in range(512)) + maker.flush()
    write("bomb.wasm", bomb)
    for arguments in (("inspect", "bomb.wasm"), ("diff", "good.wasm", "bomb.wasm")):
        ended = check.run(*arguments, address_space=1024 * MIB, seconds=20)
        check.expect(ended.status == 3 and ended.peak < 450 * MIB, f"gzip bomb: {arguments}: {ended}")
    write("twice.wasm", gzip(gzip(good)))
    ended = check.run("inspect", "twice.wasm", address_space=SMALL)
    check.expect(ended.status == 3, f"packed twice: {ended}")


def main() -> None:
    """Every kind of bad input in turn."""
    check = Check(__doc__)
    subprocess.run(["wat2wasm", "--debug-names", str(MODULES / "sections.wat"), "-o", "good.wasm"], check=True)
    good = pathlib.Path("good.wasm").read_bytes()
    no_modules(check)
    structure(check)
    nesting(check)
    large(check)
    compressed(check, good)
    truncations(check, good)
    flips(check, good)
    check.finish()


main()
