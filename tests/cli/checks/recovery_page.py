#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/recovery*.md must show what canrec says today: their ```console blocks are run in their order.

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

DOCS = run.HERE.parent.parent / "docs"
# A page, and how many commands of it are run at least.
PAGES = {DOCS / "recovery.md": 10, DOCS / "recovery-azle.md": 8}
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


def run_page(page: pathlib.Path, least: int, options: argparse.Namespace) -> bool:
    """Runs one page; whether all was as it says."""
    out: list[str] = []
    wrong = ran = 0
    with tempfile.TemporaryDirectory(prefix="canrec-page-") as name:
        runner = run.Runner(pathlib.Path(name), options.programs.resolve(), options.fixtures.resolve())
        lines = iter(page.read_text().splitlines())
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
    if ran < least:
        print(f"{page}: only {ran} commands were run")
        return False
    if options.update:
        page.write_text("\n".join(out) + "\n")
    return wrong == 0


def main() -> int:
    """Runs the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--fixtures", type=pathlib.Path, required=True)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    return 0 if all([run_page(page, least, options) for page, least in PAGES.items()]) else 1


if __name__ == "__main__":
    sys.exit(main())
