#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py must fail on a case that says anything else than the program gives, and --update must mend it."""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RIGHT = """\
# The same module: safe.
module old.wasm counter.wat
$ canrec inspect old.wasm --bytes | sed -n 1p
| 0x00000000..0x00000004            4  magic
= 0
$ canrec inspect missing.wasm
! canrec: open missing.wasm: No such file or directory (E10)
= 4
"""
# (what is altered, by what, what the diff must then hold)
ALTERED = [
    ("4  magic", "4  magik", "+|"),
    ("open missing.wasm", "missing.wasm", "+!"),
    ("= 4", "= 3", "+= 4"),
    ("$ canrec inspect missing.wasm\n! canrec: open missing.wasm: No such file or directory (E10)\n",
     "$ canrec inspect missing.wasm\n", "+!"),
    ("# The same module", "? The same module", "a line begins with one of"),
    ("module old.wasm counter.wat", "& exit 3", "ended with 3"),
    ("$ ", "& ", "runs nothing"),
]


def run(case: pathlib.Path, *more: str) -> subprocess.CompletedProcess:
    """run.py on one case."""
    return subprocess.run(
        [sys.executable, str(HERE.parent / "run.py"), *sys.argv[1:], *more, str(case)],
        capture_output=True, text=True, check=False)


def main() -> int:
    """Tries the right case and every altered one."""
    failures = []
    with tempfile.TemporaryDirectory() as directory:
        case = pathlib.Path(directory) / "tried.case"
        case.write_text(RIGHT)
        right = run(case)
        if right.returncode != 0:
            failures.append(f"refused what is right:\n{right.stdout}{right.stderr}")
        for old, new, shown in ALTERED:
            altered = RIGHT.replace(old, new) if old in RIGHT else ""
            if old == "$ ":
                altered = "\n".join(line for line in altered.splitlines() if line[0] not in "|!=")
            case.write_text(altered)
            ended = run(case)
            if ended.returncode != 1 or shown not in ended.stdout:
                failures.append(f"passed with {old!r} altered to {new!r}:\n{ended.stdout}{ended.stderr}")
        case.write_text(RIGHT.replace("= 4", "= 3"))
        if run(case, "--update").returncode != 0 or case.read_text() != RIGHT:
            failures.append("--update did not mend the case")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
