#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/recovery.md must show what canrec says today: its ```console blocks are run in their order.

    recovery_page.py [--update] --programs DIR --fixtures DIR

<!-- run first ... --> holds lines of set-up as in run.py. In a block a line that begins with $ is a command (a \\ at
its end continues it); below it stands what it prints, both streams. `...` on a line of its own stands for any
lines. Hashes of 64 digits are not compared. --update writes what was printed, but not over a command with `...`.
"""

import argparse
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import run  # noqa: E402

PAGE = run.HERE.parent.parent / "docs" / "recovery.md"
# Statuses of commands that have findings to tell, or show a failure on purpose, are not compared.
HASH = re.compile("[0-9a-f]{64}")


def matches(said: list[str], given: list[str]) -> bool:
    """Whether the lines of the page are those that were given, `...` being any."""
    if not said:
        return not given
    if said[0] == "...":
        return any(matches(said[1:], given[skip:]) for skip in range(len(given) + 1))
    return bool(given) and HASH.sub("#", said[0]) == HASH.sub("#", given[0]) and matches(said[1:], given[1:])


def commands(lines: list[str]) -> list[tuple[list[str], list[str]]]:
    """The commands of a block, as the lines they are written in, and what the page says of each."""
    found: list[tuple[list[str], list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(([line], []))
        elif found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return found


def main() -> int:
    """Runs the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--fixtures", type=pathlib.Path, required=True)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    out: list[str] = []
    wrong = ran = 0
    with tempfile.TemporaryDirectory(prefix="canrec-page-") as name:
        runner = run.Runner(pathlib.Path(name), options.programs.resolve(), options.fixtures.resolve())
        lines = iter(PAGE.read_text().splitlines())
        for line in lines:
            out.append(line)
            if line == "<!-- run first":
                for line in lines:
                    out.append(line)
                    if line == "-->":
                        break
                    runner.set_up(line, "")
            if line != "```console":
                continue
            block = []
            for line in lines:
                if line == "```":
                    break
                block.append(line)
            for written, said in commands(block):
                ended = runner.run_plain("\n".join(written)[2:])
                given = [text.rstrip() for text in (ended.stdout + ended.stderr).decode().splitlines()]
                ran += 1
                if ended.returncode > 1 and not any("expect-trap" in each for each in written):
                    print("\n".join(written), f"\nended with {ended.returncode}", *given, sep="\n")
                    wrong += 1
                if not matches([text.rstrip() for text in said], given):
                    if options.update and "..." not in said:
                        said = given
                    else:
                        print("\n".join(written), "\nthe page:", *said, "\ncanrec:", *given, sep="\n")
                        wrong += 1
                out += written + said
            out.append("```")
    if ran < 10:
        print(f"{PAGE}: only {ran} commands were run")
        return 1
    if options.update:
        PAGE.write_text("\n".join(out) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
