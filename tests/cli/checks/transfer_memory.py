#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pull and push of a state larger than the memory they may take: to and from a directory and a chunk store."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import MIB, SANITIZED, Check  # pylint: disable=wrong-import-position

LIMIT = 256 * MIB
SECTION = b"icp:private enhanced-orthogonal-persistence"
# (module (memory 0)) with the section that an upgrade with a kept heap asks for
MODULE = b"\0asm\1\0\0\0" + bytes([5, 3, 1, 0, 0]) + bytes([0, len(SECTION) + 1, len(SECTION)]) + SECTION


def make_state(name: str, heap: int, stable: int) -> None:
    """Random bytes: nothing can be left out. Sizes in MiB."""
    state = pathlib.Path(name)
    (state / "wasm_chunk_store").mkdir(parents=True)
    (state / "wasm_module.bin").write_bytes(MODULE)
    for file, size in (("wasm_memory.bin", heap), ("stable_memory.bin", stable)):
        with open(state / file, "wb") as out:
            for _ in range(size):
                out.write(os.urandom(MIB))
    (state / "metadata.json").write_text(json.dumps({
        "taken_at_timestamp": 1, "wasm_module_size": len(MODULE), "globals": [], "wasm_memory_size": heap * MIB,
        "stable_memory_size": stable * MIB, "wasm_chunk_store": [], "canister_version": 1, "certified_data": []}))


def same(check: Check, a: str, b: str) -> None:
    """Both memories of two directories, piece by piece."""
    for name in ("wasm_memory.bin", "stable_memory.bin"):
        with open(pathlib.Path(a) / name, "rb") as one, open(pathlib.Path(b) / name, "rb") as other:
            while True:
                left, right = one.read(MIB), other.read(MIB)
                if not check.expect(left == right, f"{a} and {b}: {name} at {one.tell()}") or not left:
                    break


def main() -> None:
    """The whole way round, every command within the limit."""
    check = Check(__doc__)
    make_state("state", 200, 104)
    for arguments in (["pull", "state", "-o", "pulled"], ["pull", "state", "--store", "store"],
                      ["push", "pulled", "-o", "pushed"], ["push", "store", "-o", "restored"]):
        ended = check.run(*arguments, seconds=300)
        check.expect(ended.status == 0, f"{arguments}: {ended}")
        check.expect(SANITIZED or ended.peak < LIMIT, f"{arguments}: {ended}")
        print(f"{arguments}: {ended.peak / MIB:.0f} MiB for a state of 304 MiB, {ended.seconds:.1f} s")
    for name in ("pulled", "pushed", "restored"):
        same(check, "state", name)
    check.finish()


main()
