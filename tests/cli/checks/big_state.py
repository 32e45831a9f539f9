#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""diff --state on images of 4 and 6 GiB: right findings, in the memory and time of a small one.

The images are sparse files: what the canister wrote, and real data at the far end, with nothing in between.
"""

import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import MIB, SANITIZED, Check, Ended  # pylint: disable=wrong-import-position

GIB = 1 << 30


def make_state(check: Check, name: str, module: pathlib.Path, call: list[str]) -> pathlib.Path:
    """A snapshot directory of a module after one call."""
    for arguments in (["install", str(module), "-o", f"{name}-fresh"], ["call", f"{name}-fresh", *call, "-o", name]):
        ended = check.run(*arguments)
        check.expect(ended.status == 0, f"{arguments}: {ended}")
    return pathlib.Path(name)


def enlarge(state: pathlib.Path, size: int, writes: dict[int, bytes]) -> None:
    """Makes the heap larger without filling it, and writes into it."""
    metadata = json.loads((state / "metadata.json").read_text())
    metadata["wasm_memory_size"] = size
    (state / "metadata.json").write_text(json.dumps(metadata))
    with open(state / "wasm_memory.bin", "r+b") as heap:
        heap.truncate(size)
        for address, data in writes.items():
            heap.seek(address)
            heap.write(data)


def diff(check: Check, old: pathlib.Path, new: pathlib.Path, state: pathlib.Path, *more: str) -> tuple[Ended, dict]:
    """The JSON object of diff --state."""
    ended = check.run("diff", "--json", str(old), str(new), "--state", str(state), *more)
    if not check.expect(ended.status in (0, 1), f"{state}: {ended}"):
        check.finish()
    return ended, json.loads(ended.out)


def bounded(check: Check, what: str, small: Ended, large: Ended) -> None:
    """A large image costs what a small one costs."""
    if SANITIZED:
        return
    check.expect(large.peak < 64 * MIB and large.peak < small.peak + 8 * MIB, f"{what}: small {small}\nlarge {large}")
    check.expect(large.seconds < 5, f"{what}: {large}")
    print(f"{what}: {small.peak / MIB:.1f} -> {large.peak / MIB:.1f} MiB, {small.seconds:.2f} -> {large.seconds:.2f} s")


def findings(answer: dict) -> set[str]:
    """The codes of the findings."""
    return {finding["code"] for finding in answer["findings"]}


def rust_4_gib(check: Check) -> None:
    """Rust, a literal changed in place: 4 GiB, the most that a 32-bit memory has."""
    pair = check.fixtures / "pairs/rust_literal_same_length"
    old, new = pair / "old.wasm", pair / "new.wasm"
    state = make_state(check, "rust", old, ["note", "--arg-hex", "0700000068656c6c6f"])
    small, before = diff(check, old, new, state)
    changed = before["state"]["changed_data"]
    check.expect(len(changed) == 1 and changed[0]["heap_has_old"] and not changed[0]["heap_has_new"], changed)
    address = changed[0]["address"]
    # The canister has overwritten the literal, and the last words of the heap point at it.
    enlarge(state, 4 * GIB, {address: b"XXXX", 4 * GIB - 8: address.to_bytes(4, "little") * 2})
    large, after = diff(check, old, new, state)
    bounded(check, "Rust, 4 GiB", small, large)
    check.expect(after["state"]["heap_bytes"] == 4 * GIB and after["state"]["same_module"], after["state"])
    changed = after["state"]["changed_data"][0]
    check.expect(not changed["heap_has_old"] and not changed["heap_has_new"], changed)
    data = after["state"]["old_data"]
    check.expect(sum(piece["changed_bytes"] for piece in data) == 4, data)
    check.expect(after["verdict"] == "review" and "state.memory" not in findings(after), after["findings"])
    # One page more is no heap of a 32-bit module.
    enlarge(state, 4 * GIB + 65536, {})
    ended, beyond = diff(check, old, new, state)
    check.expect(beyond["verdict"] == "unsafe" and "state.memory" in findings(beyond), f"more than 4 GiB: {ended}")


def motoko_6_gib(check: Check) -> None:
    """Motoko with enhanced persistence: 6 GiB, the most that the network gives a 64-bit memory."""
    old = check.fixtures / "motoko/4.10.0/counter.wasm"
    new = check.fixtures / "motoko/4.10.0/counter_number.wasm"
    state = make_state(check, "motoko", old, ["add", "--arg", "(41)"])
    small, before = diff(check, old, new, state)
    enlarge(state, 6 * GIB, {6 * GIB - 4096: b"\1" * 4096})
    large, after = diff(check, old, new, state)
    bounded(check, "Motoko, 6 GiB", small, large)
    check.expect(after["verdict"] == before["verdict"] == "review", after["verdict"])
    check.expect(findings(after) == findings(before), findings(after) ^ findings(before))
    check.expect(after["state"]["heap_bytes"] == 6 * GIB, after["state"])
    enlarge(state, 6 * GIB + 65536, {})
    ended, beyond = diff(check, old, new, state)
    check.expect(beyond["verdict"] == "unsafe" and "state.memory" in findings(beyond), f"more than 6 GiB: {ended}")


def classical_scan(check: Check) -> None:
    """Classical Motoko, --scan-heap on 64 MiB: every word that points at changed data is counted."""
    old = check.fixtures / "motoko/3.6.16/counter.wasm"
    new = check.fixtures / "motoko/3.6.16/counter_literal_same.wasm"
    state = make_state(check, "classical", old, ["add", "--arg", "(41)"])
    _, before = diff(check, old, new, state, "--scan-heap")
    address = before["state"]["changed_data"][0]["address"]
    word = address.to_bytes(4, "little")
    places = [32 * MIB, 48 * MIB + 4, 64 * MIB - 4]
    # Not on a word boundary: no reference.
    enlarge(state, 64 * MIB, dict.fromkeys(places, word) | {40 * MIB + 2: word})
    _, after = diff(check, old, new, state, "--scan-heap")
    scan = after["state"]["scan"]
    check.expect(scan["words"] == 64 * MIB // 4, scan)
    check.expect(scan["to_changed_data"] == before["state"]["scan"]["to_changed_data"] + len(places), scan)


def whole_heap_lost(check: Check) -> None:
    """An image of another program, or never fetched: 4 GiB of zeros are not the heap of this module."""
    pair = check.fixtures / "pairs/rust_literal_same_length"
    state = make_state(check, "zeros", pair / "old.wasm", ["note", "--arg-hex", "0700000068656c6c6f"])
    (state / "wasm_memory.bin").write_bytes(b"")
    enlarge(state, 4 * GIB, {})
    ended, answer = diff(check, pair / "old.wasm", pair / "new.wasm", state)
    check.expect(answer["verdict"] == "unsafe" and "state.foreign" in findings(answer), f"zeros: {ended}")


def main() -> None:
    """Every image in turn; each is removed before the next."""
    check = Check(__doc__)
    for image in (rust_4_gib, motoko_6_gib, classical_scan, whole_heap_lost):
        image(check)
        for name in ("rust", "motoko", "classical", "zeros"):
            shutil.rmtree(name, ignore_errors=True)
    check.finish()


main()
