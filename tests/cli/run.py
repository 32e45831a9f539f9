#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs canrec as a user types it and compares everything that the user would see.

    run.py [--update] --programs DIR --fixtures DIR CASE...

A case is a transcript (*.case), run line by line by bash in an empty directory of its own:

    # Why the case is there. A line that begins with # is for the reader.
    file old.wasm pairs/c_identical/old.wasm      a copy of $CANREC_FIXTURES/pairs/c_identical/old.wasm
    module tiny.wasm hook.wat                     wat2wasm of tests/cli/modules/hook.wat
    also --enable-memory64                        more arguments for the wat2wasm of the line above
    terminal 60                                   the next command has a terminal of that many columns
    & canrec install notes.wasm -o snap           set-up: must end with 0, its output is not compared
    $ canrec diff old.wasm new.wasm               a command, and below it all that it gave:
    | a line of standard output
    ! a line of standard error
    = 1                                           the exit status

`canrec`, `wasm-layout-diff` and the programs of tests/cli/tools come first in PATH, pipelines end with the
status of their last failure, NO_COLOR is not set, standard input is empty. A pipeline must read all that canrec
writes (sed -n 1p, not head -1), or its status depends on who is first. On a terminal both streams are one, and
escapes are written as \\e. Blanks at line ends are not compared. Output that is right on one machine only is
rewritten before it is compared: the SHA-256 of a file in the case's directory becomes <sha256 of NAME>, the
version <version>.

A case that does not give what it says fails with a diff; `--update` writes what was given into the case, and
the reviewer reads the change.
"""

import argparse
import dataclasses
import difflib
import fcntl
import hashlib
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 120
# A hash is looked for in files up to this size; heap images are not read for it.
HASHED = 16 << 20


class CaseError(Exception):
    """A case that cannot be read or set up."""


@dataclasses.dataclass
class Command:
    """One $ line: what to run, how, and the lines of the case that say what it gives."""

    text: str
    columns: int | None
    said: list[str]


@dataclasses.dataclass
class Case:
    """A case in its own order: verbatim lines, set-up and commands."""

    path: pathlib.Path
    steps: list[str | Command]


def read_case(path: pathlib.Path) -> Case:
    """Reads a transcript; every line belongs to a step or to the command above it."""
    case = Case(path, [])
    columns = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        kind = line.split(" ", 1)[0]
        last = case.steps[-1] if case.steps else None
        if kind == "$":
            case.steps.append(Command(line[2:], columns, []))
            columns = None
        elif kind in ("|", "!", "="):
            if not isinstance(last, Command):
                raise CaseError(f"{path}:{number}: nothing was run that could give this")
            last.said.append(line)
        elif kind in ("", "#", "file", "module", "also", "&", "terminal"):
            if kind == "terminal":
                columns = int(line.split()[1])
            case.steps.append(line)
        else:
            raise CaseError(f"{path}:{number}: a line begins with one of $ | ! = & # file module also terminal")
    if not any(isinstance(step, Command) for step in case.steps):
        raise CaseError(f"{path}: runs nothing")
    return case


class Runner:
    """Runs the steps of one case in one directory."""

    def __init__(self, directory: pathlib.Path, programs: pathlib.Path, fixtures: pathlib.Path):
        self.directory = directory
        self.fixtures = fixtures
        self.environment = {
            "PATH": f"{programs}:{HERE / 'tools'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(directory),
            "LC_ALL": "C",
            "TZ": "UTC",
            "SOURCE": str(HERE.parent.parent),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "CANREC_SANITIZED"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        version = self.run_plain("canrec --version").stdout.decode().strip()
        self.version = version.split()[-1]

    def run_plain(self, command: str) -> subprocess.CompletedProcess:
        """Runs a command line with its streams apart."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], cwd=self.directory, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)

    def run_on_terminal(self, command: str, columns: int) -> tuple[int, bytes]:
        """Runs a command line on a terminal; gives the status and all that it has drawn."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen(
                ["bash", "-o", "pipefail", "-c", command], cwd=self.directory,
                env=self.environment | {"TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
                start_new_session=True) as child:
            os.close(theirs)
            drawn = b""
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # the last program has closed the terminal
                    break
                drawn += piece
            status = child.wait(timeout=SECONDS)
        os.close(ours)
        return status, drawn.replace(b"\r\n", b"\n").replace(b"\r", b"\\r").replace(b"\x1b", b"\\e")

    def set_up(self, line: str, following: str) -> None:
        """A line that is no command of the case."""
        words = line.split()
        if words[0] == "file":
            shutil.copyfile(self.fixtures / words[2], self.directory / words[1])
        elif words[0] == "module":
            flags = following.split()[1:] if following.startswith("also ") else []
            subprocess.run(
                ["wat2wasm", *flags, str(HERE / "modules" / words[2]), "-o", str(self.directory / words[1])],
                check=True, timeout=SECONDS)
        elif words[0] == "&":
            ended = self.run_plain(line[2:])
            if ended.returncode != 0:
                raise CaseError(f"{line}\nended with {ended.returncode}\n{ended.stderr.decode(errors='replace')}")

    def neutral(self, output: bytes) -> str:
        """Output without what differs between machines."""
        text = output.decode(errors="backslashreplace")
        text = text.replace(f"canrec {self.version}", "canrec <version>")
        text = text.replace(f'"version":"{self.version}"', '"version":"<version>"')
        text = text.replace(f'"canrec":"{self.version}"', '"canrec":"<version>"')
        if re.search("[0-9a-f]{64}", text):
            for name, digest in self.hashes().items():
                text = text.replace(digest, f"<sha256 of {name}>")
        return text

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the files that the case has, the first name of equal files."""
        found: dict[str, str] = {}
        for path in sorted(self.directory.rglob("*")):
            if path.is_file() and path.stat().st_size <= HASHED:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                if digest not in found.values():
                    found[str(path.relative_to(self.directory))] = digest
        return found

    def run(self, command: Command) -> list[str]:
        """What a command gave, as lines of a case."""
        if command.columns:
            status, out = self.run_on_terminal(command.text, command.columns)
            err = b""
        else:
            ended = self.run_plain(command.text)
            status, out, err = ended.returncode, ended.stdout, ended.stderr
        lines = []
        for mark, stream in (("|", out), ("!", err)):
            lines += [f"{mark} {line}".rstrip() for line in self.neutral(stream).splitlines()]
        return lines + [f"= {status}"]


def run_case(case: Case, programs: pathlib.Path, fixtures: pathlib.Path) -> list[str]:
    """The case as it should read: its own lines, and what the commands gave this time."""
    lines = []
    with tempfile.TemporaryDirectory(prefix="canrec-cli-") as name:
        runner = Runner(pathlib.Path(name), programs, fixtures)
        for at, step in enumerate(case.steps):
            if isinstance(step, Command):
                lines += [f"$ {step.text}", *runner.run(step)]
                continue
            lines.append(step)
            following = case.steps[at + 1] if at + 1 < len(case.steps) else ""
            if step and not step.startswith("#"):
                runner.set_up(step, following if isinstance(following, str) else "")
        said = [line for line in lines if name in line]
        if said:
            raise CaseError(f"{case.path}: output holds the path of the directory it ran in: {said[0]}")
    return lines


def main() -> int:
    """Runs the cases of the command line."""
    parser = argparse.ArgumentParser(description="Run canrec as a user does and compare what it says.")
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="directory with canrec")
    parser.add_argument("--fixtures", type=pathlib.Path, required=True, help="directory with the real modules")
    parser.add_argument("--update", action="store_true", help="write what was given into the cases")
    parser.add_argument("cases", nargs="+", type=pathlib.Path, metavar="CASE")
    options = parser.parse_args()
    failed = 0
    for path in options.cases:
        try:
            given = run_case(read_case(path), options.programs.resolve(), options.fixtures.resolve())
        except (CaseError, OSError, subprocess.SubprocessError) as error:
            print(f"{path}: {error}")
            failed += 1
            continue
        said = path.read_text().splitlines()
        if given == said:
            continue
        if options.update:
            path.write_text("\n".join(given) + "\n")
            print(f"{path}: updated")
            continue
        failed += 1
        print("\n".join(difflib.unified_diff(said, given, f"{path} says", "the program gave", lineterm="", n=2)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
