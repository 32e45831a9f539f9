# SPDX-License-Identifier: Apache-2.0
"""What the checks share: running canrec within bounds, and modules made of bytes."""

import argparse
import dataclasses
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import threading
import time

MIB = 1 << 20
# Sanitizers reserve terabytes of addresses and keep shadows of all memory.
SANITIZED = "CANREC_SANITIZED" in os.environ


@dataclasses.dataclass
class Ended:
    """How a run of the program ended."""

    status: int
    out: str
    err: str
    seconds: float
    peak: int  # bytes resident

    def __str__(self) -> str:
        return f"status {self.status} after {self.seconds:.1f} s, {self.peak / MIB:.0f} MiB\n{self.out[:2000]}{self.err[:2000]}"


class Check:
    """One check program: its directory, the program under test, and what went wrong."""

    def __init__(self, about: str):
        parser = argparse.ArgumentParser(description=about)
        parser.add_argument("--programs", type=pathlib.Path, required=True, help="directory with canrec")
        parser.add_argument("--fixtures", type=pathlib.Path, required=True, help="directory with the real modules")
        options = parser.parse_args()
        self.canrec = str((options.programs / "canrec").resolve())
        self.fixtures = options.fixtures.resolve()
        self.failures: list[str] = []
        self.runs = 0
        self._temporary = tempfile.TemporaryDirectory(prefix="canrec-cli-")
        self.directory = pathlib.Path(self._temporary.name)
        os.chdir(self.directory)

    def run(self, *arguments: str, address_space: int = 0, seconds: float = 60) -> Ended:
        """Runs canrec; `address_space` bounds what it may reserve, in bytes.

        The peak is that of the program only while this process is smaller: write big files in pieces.
        """
        self.runs += 1
        before = time.monotonic()
        ours = resource.getrlimit(resource.RLIMIT_AS)
        if address_space and not SANITIZED:
            # Inherited, and taken back below: cheaper than code between fork and exec.
            resource.setrlimit(resource.RLIMIT_AS, (address_space, ours[1]))
        with open("out", "wb") as out, open("err", "wb") as err:
            child = subprocess.Popen([self.canrec, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            resource.setrlimit(resource.RLIMIT_AS, ours)
        timer = threading.Timer(seconds, child.kill)
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        timer.cancel()
        if time.monotonic() - before > seconds:
            self.fail(f"{' '.join(arguments)}: not done after {seconds} s")
        child.returncode = os.waitstatus_to_exitcode(status)
        return Ended(child.returncode, read_text("out"), read_text("err"), time.monotonic() - before,
                     usage.ru_maxrss * 1024)

    def fail(self, what: str) -> None:
        """Notes a failure; the check goes on."""
        self.failures.append(what)

    def expect(self, held: bool, what: object) -> bool:
        """Notes a failure unless something held."""
        if not held:
            self.fail(str(what))
        return held

    def finish(self) -> None:
        """Ends the check program."""
        for what in self.failures[:20]:
            print(what)
        print(f"{self.runs} runs, {len(self.failures)} failures")
        self._temporary.cleanup()
        sys.exit(1 if self.failures else 0)


def read_text(name: str) -> str:
    """A file as text, whatever its bytes."""
    return pathlib.Path(name).read_text(errors="backslashreplace")


def write(name: str, *pieces: bytes, repeat: int = 1) -> str:
    """Writes a file, the last piece as often as told, and gives its name."""
    with open(name, "wb") as file:
        for piece in pieces[:-1]:
            file.write(piece)
        for _ in range(repeat):
            file.write(pieces[-1])
    return name


# --- modules made of bytes --------------------------------------------------------------------------


def leb(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def vec(*items: bytes) -> bytes:
    """A vector: count and items."""
    return leb(len(items)) + b"".join(items)


def name(text: str) -> bytes:
    """A name: length and bytes."""
    return leb(len(text.encode())) + text.encode()


def section(kind: int, content: bytes) -> bytes:
    """A section with its size."""
    return bytes([kind]) + leb(len(content)) + content


HEADER = b"\0asm\1\0\0\0"
TYPE = section(1, vec(b"\x60\x00\x00"))
FUNCTION = section(3, vec(b"\x00"))
EXPORT = section(7, vec(name("canister_query get") + b"\x00\x00"))


def body(code: bytes, local_declarations: bytes = b"\x00") -> bytes:
    """A function body with its size; the end is added."""
    content = local_declarations + code + b"\x0b"
    return leb(len(content)) + content


def module(code: bytes, local_declarations: bytes = b"\x00") -> bytes:
    """A module of one function `() -> ()`, a query."""
    return HEADER + TYPE + FUNCTION + EXPORT + section(10, vec(body(code, local_declarations)))
