#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/formats/reports-json.md is true: what the recovery commands print with --json has the fields of its table and
no others, and `check --sarif` is valid by the standard's schema; on C, Rust, Motoko of both kinds and Azle."""

import json
import pathlib
import re
import sys

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import Check  # pylint: disable=wrong-import-position

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "formats" / "reports-json.md"
EVERYWHERE = {"type", "schema", "version"}
FINDING = {"severity", "code", "where", "what", "why", "next"}
SEVERITIES = {"note", "warning", "error"}
ANSWERS = {"good", "look", "bad", "unknown", "not asked"}

# the module that is installed, and the next one
PAIRS = [
    ("canisters/notes.wasm", "canisters/notes_v2.wasm"),
    ("canisters/journal.wasm", "canisters/journal_v2.wasm"),
    ("motoko/2.0.3/counter.wasm", "motoko/3.6.16/counter.wasm"),
    ("motoko/3.6.16/ledger.wasm", "motoko/4.10.0/ledger.wasm"),
    ("motoko/4.10.0/counter.wasm", "motoko/4.10.0/counter_incompatible.wasm"),
    ("azle/0.32.0/stable.wasm", "azle/0.33.0/stable.wasm"),
]


def fields(text: str) -> dict[str, dict]:
    """The fields of a description such as "a, b[] {c, d?}": names, and what is written in braces behind them."""
    out: dict[str, dict] = {}
    at = 0
    while at < len(text):
        found = re.compile(r"\s*([a-z_0-9]+)(\?)?(\[\[.*?\]\]|\[\])?( \{)?").match(text, at)
        if not found:
            at += 1
            continue
        at = found.end()
        inner = ""
        if found[4]:
            begin, depth = at, 1
            while depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            inner = text[begin : at - 1]
        is_map = ": " in inner  # {name: count}
        out[found[1]] = {"optional": bool(found[2]), "fields": {} if is_map else fields(inner)}
        comma = text.find(",", at)
        bracket = text.find("(", at)
        if bracket != -1 and (comma == -1 or bracket < comma):  # a remark
            at = text.find(")", bracket)
            comma = text.find(",", at)
        at = len(text) if comma == -1 else comma + 1
    return out


def described() -> dict[str, dict[str, dict]]:
    """The fields by the type of the object."""
    out: dict[str, dict[str, dict]] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("| `") and not line.startswith("| |") or len(cells) < 3:
            continue
        if line.startswith("| |"):
            cells = ["", *[cell.strip() for cell in line[4:].strip("|").split(" | ")]]
        for name in re.findall(r"`([a-z_]+)`", cells[1]):
            out[name] = fields(" ".join(cells[2:]).split("; ")[0].replace("`", ""))
    return out


class Reports:
    """The commands' output against the page."""

    def __init__(self, check: Check):
        self.check = check
        self.types = described()
        self.seen: set[str] = set()
        schema = json.loads((check.fixtures / "schemas/sarif-2.1.0.json").read_text())
        self.sarif = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())

    def expect(self, holds: bool, what: str) -> None:
        """Counts a failure."""
        self.check.expect(holds, what)

    def shape(self, where: str, value: object, wanted: dict[str, dict]) -> None:
        """An object, or each of a list, has the fields that are wanted and no others."""
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            self.expect(isinstance(each, dict), f"{where}: {each} is no object")
            if not isinstance(each, dict):
                continue
            need = {name for name, field in wanted.items() if not field["optional"]}
            self.expect(need <= each.keys(), f"{where}: lacks {sorted(need - each.keys())}")
            self.expect(each.keys() <= wanted.keys(), f"{where}: undocumented {sorted(each.keys() - wanted.keys())}")
            for name, field in wanted.items():
                if field["fields"] and name in each:
                    self.shape(f"{where}.{name}", each[name], field["fields"])

    def findings(self, where: str, value: object) -> None:
        """Every finding in a report."""
        if isinstance(value, dict):
            for finding in value.get("findings", []):
                self.expect(set(finding) == FINDING and finding["severity"] in SEVERITIES, f"{where}: {finding}")
                said = all(finding[key] for key in ("code", "what", "why", "next"))
                self.expect(said, f"{where}: says not why, or not what next: {finding}")
            for inner in value.values():
                self.findings(where, inner)
        if isinstance(value, list):
            for inner in value:
                self.findings(where, inner)

    def run(self, *arguments: str, statuses: tuple[int, ...] = (0, 1)) -> list[dict]:
        """Runs a command with --json and holds every line against the page."""
        ended = self.check.run(*arguments, "--json", seconds=120)
        where = " ".join(pathlib.Path(word).name for word in arguments[:4])
        self.expect(ended.status in statuses, f"{where}: {ended}")
        lines = [json.loads(line) for line in ended.out.splitlines()]
        self.expect(bool(lines), f"{where}: prints nothing")
        for line in lines:
            self.expect(line["type"] in self.types, f"{where}: {line['type']} is not on the page")
            self.expect(line["schema"] == 1, f"{where}: schema {line['schema']}")
            self.seen.add(line["type"])
            found = {name: value for name, value in line.items() if name not in EVERYWHERE}
            self.shape(f"{where}: {line['type']}", found, self.types.get(line["type"], {}))
            self.findings(where, line)
        return lines

    def checklist(self, *arguments: str) -> None:
        """`check` as JSON and as SARIF: the same answers, one gate."""
        report = self.run("check", *arguments)[0]
        where = " ".join(pathlib.Path(word).name for word in arguments)
        rows = {row["id"]: row for row in report["rows"]}
        self.expect(all(row["answer"] in ANSWERS for row in rows.values()), f"{where}: an unknown answer")
        self.expect(all(row["next"] for row in rows.values() if row["answer"] in ("look", "bad", "unknown")),
                    f"{where}: no next step: {[i for i, r in rows.items() if r['answer'] in ('look', 'bad', 'unknown') and not r['next']]}")
        ended = self.check.run("check", *arguments, "--sarif", seconds=120)
        self.expect((ended.status == 0) == (report["worst"] == "good"), f"{where}: status {ended.status}")
        sarif = json.loads(ended.out)
        wrong = [error.message for error in self.sarif.iter_errors(sarif)]
        self.expect(not wrong, f"{where}: SARIF: {wrong[:2]}")
        run = sarif["runs"][0]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        self.expect(rules == list(rows), f"{where}: rules {rules}")
        told = {result["ruleId"] for result in run["results"]}
        asked = {name for name, row in rows.items() if row["answer"] in ("look", "bad", "unknown")}
        self.expect(told == asked, f"{where}: SARIF tells {sorted(told ^ asked)} otherwise")
        levels = {result["ruleId"] for result in run["results"] if result["level"] == "error"}
        bad = {name for name, row in rows.items() if row["answer"] == "bad"}
        self.expect(bad <= levels, f"{where}: bad but no error {sorted(bad - levels)}")


def main() -> None:
    """Fills the states and asks everything of them."""
    check = Check(__doc__.splitlines()[0])
    reports = Reports(check)
    at = lambda name: str(check.fixtures / name)  # noqa: E731
    for number, (old, new) in enumerate(PAIRS):
        state = f"state-{number}"
        made = check.run("install", at(old), "-o", state)
        check.expect(made.status == 0, str(made))
        reports.checklist(at(old), at(new))
        reports.checklist(at(old), at(new), "--state", state)
        reports.run("verify", state)
        reports.run("rehearse", state, f"upgrade {at(new)}", statuses=(0, 6))
        reports.run("rehearse", state, f"replace {at(old)}", "checkpoint a", "advance-time 1h", "revert a")
        reports.run("autopsy", state, "--upgrade", at(new))
        reports.run("convert", state, "-o", f"old-{number}", "--to", "dfx-0.29")
        lines = reports.run("verify", f"old-{number}", "--repair", "-o", f"new-{number}")
        check.expect([line["type"] for line in lines] == ["verify", "convert"], f"verify --repair: {lines}")
        reports.run("package", state, at(old), "-o", f"package-{number}")
    # The gate that lets through, and the same upgrade without a way back.
    made = check.run("install", at("canisters/journal_fixed.wasm"), "-o", "fixed")
    check.expect(made.status == 0, str(made))
    upgrade = (at("canisters/journal_fixed.wasm"), at("canisters/journal_v2.wasm"), "--state", "fixed")
    for backup, status in (("fixed", 0), ("yes", 1), ("no", 1), ("state-0", 1)):
        reports.checklist(*upgrade, "--backup", backup)
        ended = check.run("check", *upgrade, "--backup", backup)
        check.expect(ended.status == status, f"--backup {backup}: {ended}")
    reports.run("rehearse", "state-0", f"upgrade {at(PAIRS[0][1])}", "query count()", "--twice")
    reports.run("autopsy", "state-1", "--upgrade", at("canisters/journal_v2.wasm"), "--check", "count()")
    failed = check.run("convert", "nowhere", "-o", "elsewhere", "--json")
    last = json.loads(failed.err.splitlines()[-1])
    check.expect(last["type"] == "exit_error" and set(last) == {"type", "schema", "code", "errc", "input", "message", "offset"},
                 f"exit_error: {last}")
    for name in ("verify", "convert", "rehearsal", "without_upgrade", "autopsy", "package", "check"):
        check.expect(name in reports.seen, f"{name} was never printed")
    check.finish()


if __name__ == "__main__":
    main()
