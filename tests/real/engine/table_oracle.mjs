// SPDX-License-Identifier: Apache-2.0
// Tables of 32 and 64 bits against Node's engine: every instruction that reads or changes a table, with indices
// and lengths at and around the table's size, and far beyond 32 bits.
//
//   node table_oracle.mjs RUNNER OPERATIONS       (Node 24)
//
// Both engines carry out the same random sequence on one state; each answer is compared, and in the end every slot.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { T, leb, name, section, vec } from './wasm_writer.mjs';

const [runner, operations] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'table-oracle-'));
const file = join(directory, 'module.wasm');

const get = (n) => [0x20, n];
const nothing = 0x70;
const slots = { 0: 6, most: 12, 1: 3 };

// Table 0 has the width under test and six slots of at most twelve, table 1 three slots and 32 bits. Functions 0 to 3
// return 10 to 13, function 4 has another type.
function build(wide) {
  const x = wide ? T.l : T.i;
  const index = (value) => [wide ? 0x42 : 0x41, value, 0x0b];
  const fc = (n, ...immediates) => [0xfc, n, ...immediates];
  const exports = {
    call: [[x], [T.i], [...get(0), 0x11, 0, 0]],
    tail: [[x], [T.i], [...get(0), 0x13, 0, 0]],
    is_null: [[x], [T.i], [...get(0), 0x25, 0, 0xd1]],
    set: [[x], [], [...get(0), 0xd2, 3, 0x26, 0]],
    set_null: [[x], [], [...get(0), 0xd0, nothing, 0x26, 0]],
    size: [[], [x], fc(0x10, 0)],
    grow: [[x], [x], [0xd2, 1, ...get(0), ...fc(0x0f, 0)]],
    fill: [[x, x], [], [...get(0), 0xd2, 2, ...get(1), ...fc(0x11, 0)]],
    copy: [[x, x, x], [], [...get(0), ...get(1), ...get(2), ...fc(0x0e, 0, 0)]],
    copy_in: [[x, T.i, T.i], [], [...get(0), ...get(1), ...get(2), ...fc(0x0e, 0, 1)]],
    copy_out: [[T.i, x, T.i], [], [...get(0), ...get(1), ...get(2), ...fc(0x0e, 1, 0)]],
    init: [[x, T.i, T.i], [], [...get(0), ...get(1), ...get(2), ...fc(0x0c, 2, 0)]],
    drop: [[], [], fc(0x0d, 2)],
  };
  const rows = Object.entries(exports).map(([text, [params, results, code]]) => ({ text, params, results, code }));
  const plain = [10, 11, 12, 13].map((n) => ({ params: [], results: [T.i], code: [0x41, n] }));
  const other = { params: [], results: [T.l], code: [0x42, 14] };
  const functions = [...plain, other, ...rows];
  const bytes = Uint8Array.from([
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, vec(functions.map((f) => [0x60, ...vec(f.params.map((t) => [t])), ...vec(f.results.map((t) => [t]))]))),
    section(3, vec(functions.map((_, i) => leb(i)))),
    section(4, vec([[0x70, wide ? 5 : 1, slots[0], slots.most], [0x70, 0, slots[1]]])),
    section(7, vec(rows.map((row, i) => [...name(row.text), 0, ...leb(5 + i)]))),
    section(9, vec([
      [0, ...index(0), ...vec([[0], [1], [4], [2]])],
      [2, 1, 0x41, 0, 0x0b, 0, ...vec([[3], [2]])],
      [1, 0, ...vec([[2], [3], [1], [0]])],
    ])),
    section(10, vec(functions.map((f) => { const body = [0, ...f.code, 0x0b]; return [...leb(body.length), ...body]; }))),
  ].flat());
  return { bytes, rows };
}

let seed = 20251122n;
const random = (n) => {
  seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number((seed >> 33n) % BigInt(n));
};
const pool32 = [...Array(14).keys(), 2 ** 31, 2 ** 32 - 1].map(BigInt);
const far = [2n ** 32n, 2n ** 32n + 1n, 2n ** 32n + 5n, 2n ** 63n, 2n ** 64n - 1n];
// A length is paid for before it is looked at: the largest would end the budget.
const operand = (type, isLength) => {
  const pool = type === T.l && random(4) === 0 ? far.slice(0, isLength ? 3 : 5) : random(3) === 0 ? pool32 : pool32.slice(0, 5);
  return pool[random(pool.length)];
};
const lengths = { fill: 1, copy: 2 };
const hex = (value, type) => (type === T.i ? BigInt.asUintN(32, BigInt(value)) : BigInt.asUintN(64, value)).toString(16).padStart(type === T.i ? 8 : 16, '0');
const argument = (value, type) => (type === T.i ? Number(BigInt.asIntN(32, value)) : BigInt.asIntN(64, value));
const kinds = [[/out of bounds/, /^! table access out of bounds/], [/null function|signature mismatch|null/, /^! indirect call/]];

let bad = 0, count = 0;
for (const wide of [false, true]) {
  const { bytes, rows } = build(wide);
  writeFileSync(file, bytes);
  const plan = [];
  const once = new Set(['drop']);
  for (let i = 0; i < Number(operations); ++i) {
    let row = rows[random(rows.length)];
    // The segment lives for the first half, the table grows only now and then.
    if ((row.text === 'drop' && i < operations / 2) || (row.text === 'grow' && random(8) !== 0)) row = rows[random(4)];
    if (once.has(row.text) && plan.filter((p) => p.row === row).length > 2) row = rows[0];
    plan.push({ row, args: row.params.map((t, k) => operand(t, lengths[row.text] === k)) });
  }
  for (let i = 0n; i < 13n; ++i) for (const text of ['call', 'is_null']) plan.push({ row: rows.find((r) => r.text === text), args: [i] });
  const script = plan.map(({ row, args }) => [row.text, ...args.map((a, i) => hex(a, row.params[i]))].join(' '));
  const ours = spawnSync(runner, [file], { input: script.join('\n') + '\n', encoding: 'utf8', maxBuffer: 1 << 28 }).stdout.split('\n');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  plan.forEach(({ row, args }, i) => {
    let theirs;
    try {
      const value = exports[row.text](...args.map((a, k) => argument(a, row.params[k])));
      theirs = `= ${row.results.length ? hex(value, row.results[0]) : ''}`.trimEnd();
    } catch (error) { theirs = `! ${error.message}`; }
    const mine = (ours[i] ?? 'nothing').trimEnd();
    ++count;
    if (mine === theirs || (theirs[0] === '!' && kinds.some(([a, b]) => a.test(theirs) && b.test(mine)))) return;
    if (++bad <= 10) console.log(`${wide ? 64 : 32} bits: ${script[i]}: ours ${mine}, theirs ${theirs}`);
  });
}
rmSync(directory, { recursive: true });
console.log(`tables: ${count} operations, ${bad} disagreements`);
process.exit(bad === 0 && count > 0 ? 0 : 1);
