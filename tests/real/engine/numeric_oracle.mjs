// SPDX-License-Identifier: Apache-2.0
// Every numeric, vector and memory instruction of opcodes.def against Node's engine, and some of
// the cases against WABT's wasm-interp.
//
//   node numeric_oracle.mjs RUNNER OPCODES_DEF       (Node 24, for 64-bit memories)
//
// One function is made for each instruction; floats and vectors cross the border as integers, so
// that NaN bits are seen. A result that is a NaN on both sides agrees if ours is the canonical NaN
// and the instruction computes (the others leave the payload to the processor); all other bits are equal.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { T, leb, moduleBytes } from './wasm_writer.mjs';

const [runner, table] = process.argv.slice(2);
const rows = [...readFileSync(table, 'utf8').matchAll(
  /^OP\((\w+), (0x[0-9a-f]+), "([^"]+)", (\w+), "([^"]+)", (\d+)/gm)]
  .map(([, id, code, text, imm, signature]) => ({ id, code: Number(code), text, imm, signature }));

// --- operands ---
let seed = 12345n;
const random64 = () => {
  seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return (seed ^ (seed >> 29n) ^ ((seed << 31n) & 0xffffffffffffffffn)) & 0xffffffffffffffffn;
};
const f32 = (x) => { const v = new DataView(new ArrayBuffer(4)); v.setFloat32(0, x); return BigInt(v.getUint32(0)); };
const f64 = (x) => { const v = new DataView(new ArrayBuffer(8)); v.setFloat64(0, x); return v.getBigUint64(0); };
const around = (x) => [x - 1, x - 0.5, x, x + 0.5, x + 1];
const edges = [0, -0, 0.5, 1.5, 2.5, 1, 3.7, 1e-40, 5e-324, 1e38, 1e300, Infinity,
  ...around(2 ** 31), ...around(2 ** 32), ...around(2 ** 63), ...around(2 ** 64),
  4503599627370497.5, 8388609.5, 16777217, 9007199254740993, 3.4028235677973366e38, 1.1754943508222875e-38];
const signed = [...edges, ...edges.map((x) => -x)];
const next = (bits, by) => bits.flatMap((b) => [b, b + by, b - by]);
const pool = {
  i: [0n, 1n, 2n, 3n, 7n, 31n, 32n, 33n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fffffffn,
    0x80000000n, 0x80000001n, 0xfffffffen, 0xffffffffn, 0x12345678n, 0x55555555n],
  l: [0n, 1n, 2n, 63n, 64n, 65n, 0xffn, 0x80n, 0x8000n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n,
    0x7fffffffffffffffn, 0x8000000000000000n, 0x8000000000000001n, 0xffffffffffffffffn, 0xfffffffffffffffen,
    0x123456789abcdef0n],
  f: [...new Set([...next(signed.map(f32), 1n).map((b) => b & 0xffffffffn), 0x7fc00000n, 0xffc00000n, 0x7f800001n, 0xffbfffffn, 0x7fffffffn])],
  d: [...new Set([...next(signed.map(f64), 1n).map((b) => b & 0xffffffffffffffffn), 0x7ff8000000000000n, 0xfff8000000000000n,
    0x7ff0000000000001n, 0xfff7ffffffffffffn])],
};
const pick = (list) => list[Number(random64() % BigInt(list.length))];
function vector() {
  switch (random64() % 5n) {
    case 0n: return [random64(), random64()];
    case 1n: return [pick(pool.d), pick(pool.d)];
    case 2n: return [pick(pool.f) | (pick(pool.f) << 32n), pick(pool.f) | (pick(pool.f) << 32n)];
    case 3n: return [pick(pool.l), pick(pool.l)];
    default: return [0, 1].map(() => { let v = 0n; for (let i = 0n; i < 64n; i += 8n) v |= pick([0n, 1n, 0x7fn, 0x80n, 0xffn, 0xfen, 15n, 16n]) << i; return v; });
  }
}
function operandSets(letters) {
  const sets = [];
  if (letters.includes('v')) {
    for (let n = 0; n < 120; ++n) sets.push([...letters].flatMap((t) => (t === 'v' ? vector() : [pick(pool[t])])));
    return sets;
  }
  if (letters.length === 1) {
    for (const a of pool[letters]) sets.push([a]);
    for (let n = 0; n < 100; ++n) sets.push([random64() & ('if'.includes(letters) ? 0xffffffffn : ~0n & 0xffffffffffffffffn)]);
    return sets;
  }
  const wide = 'fd'.includes(letters[0]);
  for (const a of pool[letters[0]]) for (const b of pool[letters[1]]) if (!wide || random64() % 12n === 0n || a === b) sets.push([a, b]);
  return sets;
}

// --- one function for each case ---
const reinterpretIn = { i: [], l: [], f: [0xbe], d: [0xbf] };
const reinterpretOut = { i: [], l: [], f: [0xbc], d: [0xbd] };
const crossing = { i: [T.i], l: [T.l], f: [T.i], d: [T.l], v: [T.l, T.l] };
const opcode = (code) => (code > 0xff ? [code >> 16, ...leb(code & 0xffff)] : [code]);
const simd = (n) => [0xfd, ...leb(n)];
function pushOperand(letter, index) {
  if (letter !== 'v') return [0x20, ...leb(index), ...reinterpretIn[letter]];
  return [0x20, ...leb(index), ...simd(18), 0x20, ...leb(index + 1), ...simd(30), 1];
}
const cases = [];
const functions = [];
for (const row of rows) {
  if (row.signature === '*' || row.signature.includes('p') || row.signature.includes('t')) continue;
  const [params, results] = row.signature.split(':');
  if (params.length === 0 || results.length !== 1) continue;
  let variants = [[]];
  if (row.imm === 'Lane') {
    const lanes = 16 / { i8x16: 1, i16x8: 2, i32x4: 4, i64x2: 8, f32x4: 4, f64x2: 8 }[row.text.split('.')[0]];
    variants = Array.from({ length: lanes }, (_, i) => [i]);
  } else if (row.imm === 'Shuffle') {
    variants = Array.from({ length: 8 }, () => Array.from({ length: 16 }, () => Number(random64() % 32n)));
  } else if (row.imm !== 'None') continue;
  variants.forEach((imm, n) => {
    let index = 0;
    const code = [];
    for (const letter of params) { code.push(...pushOperand(letter, index)); index += letter === 'v' ? 2 : 1; }
    const fn = { name: `${row.text}${variants.length > 1 ? `/${n}` : ''}`, params: [...params].flatMap((t) => crossing[t]) };
    code.push(...opcode(row.code), ...imm);
    if (results === 'v') {
      // The vector is stored and read back as two integers.
      fn.results = [T.l, T.l];
      fn.code = [0x41, 0, ...code, ...simd(11), 4, 0, 0x41, 0, 0x29, 3, 0, 0x41, 0, 0x29, 3, 8];
    } else {
      fn.results = crossing[results];
      fn.code = [...code, ...reinterpretOut[results]];
    }
    functions.push(fn);
    const sets = operandSets(params);
    for (const args of variants.length > 1 ? sets.slice(0, 20) : sets) cases.push({ fn, row, results, args });
  });
}

// --- the forms an engine may give an integer operation: constant operands, fused branches ---
for (const row of rows) {
  const form = row.signature.match(/^(ii|ll):([il])$/);
  if (!form || row.imm !== 'None') continue;
  const type = form[1][0];
  const t = T[type];
  const get = (n) => [0x20, n];
  const literal = (v) => (type === 'i' ? [0x41, ...sleb64(BigInt.asIntN(32, v))] : [0x42, ...sleb64(BigInt.asIntN(64, v))]);
  const op = opcode(row.code);
  const isCompare = form[2] === 'i' && /\.(eq|ne|lt|gt|le|ge)/.test(row.text);
  // What is done with a comparison that stands in `test`: if, branch out, branch back, negated.
  const uses = (test, counter) => [
    [...test, 0x04, 0x7f, 0x41, 7, 0x05, 0x41, 9, 0x0b],
    [0x02, 0x40, ...test, 0x0d, 0, 0x41, 5, 0x0f, 0x0b, 0x41, 6],
    [0x03, 0x40, ...get(counter), 0x41, 1, 0x6a, 0x22, counter, 0x41, 2, 0x4b, 0x04, 0x40, ...get(counter), 0x0f, 0x0b,
      ...test, 0x0d, 0, 0x0b, ...get(counter)],
    [...test, 0x45, 0x04, 0x7f, 0x41, 7, 0x05, 0x41, 9, 0x0b],
    [0x41, 11, 0x41, 12, ...test, 0x1b],
    [0x02, 0x7f, 0x41, 3, ...test, 0x0d, 0, 0x1a, 0x41, 4, 0x0b],
  ];
  const add = (label, params, results, code, sets) => {
    const fn = { name: `${row.text} ${label}`.replaceAll(' ', '_'), params, results, code };
    functions.push(fn);
    for (const args of sets) cases.push({ fn, row, results: form[2], args });
  };
  const singles = pool[type].map((v) => [v]);
  if (isCompare) {
    uses([...get(0), ...get(1), ...op], 2).forEach((code, n) =>
      add(`use${n}`, [t, t, T.i], [T.i], code, pool[type].flatMap((x) => pool[type].map((y) => [x, y, 0n]))));
  }
  for (const c of pool[type]) {
    const label = c.toString(16);
    add(`x,${label}`, [t], crossing[form[2]], [...get(0), ...literal(c), ...op], singles);
    add(`${label},x`, [t], crossing[form[2]], [...literal(c), ...get(0), ...op], singles);
    if (!isCompare) continue;
    const sets = singles.filter((_, i) => i % 3 === 0).concat([[c]]).map(([v]) => [v, 0n]);
    uses([...get(0), ...literal(c), ...op], 1).forEach((code, n) => add(`x,${label}use${n}`, [t, T.i], [T.i], code, sets));
  }
}

// --- memory accesses: every instruction at the edges of one page and of the address space ---
function memoryCases(wide, functions, cases) {
  const at = wide ? T.l : T.i;
  const literal = (n) => [wide ? 0x42 : 0x41, ...sleb(n)];
  const space = wide ? 1n << 64n : 1n << 32n;
  const offsets = [0n, 9n, 0xffffffffn, ...(wide ? [1n << 32n, 1n << 33n, (1n << 64n) - 1n] : [])];
  for (const row of rows) {
    if (!row.imm.startsWith('MemArg')) continue;
    const [params, results] = row.signature.split(':');
    for (const offset of offsets) {
      const code = [];
      let index = 0;
      for (const letter of params) {
        code.push(...(letter === 'p' ? [0x20, ...leb(index)] : pushOperand(letter, index)));
        index += letter === 'v' ? 2 : 1;
      }
      code.push(...opcode(row.code), 0, ...leb(offset), ...(row.imm === 'MemArgLane' ? [1] : []));
      const fn = { name: `${row.text}+${offset}`, params: [...params].flatMap((t) => (t === 'p' ? [at] : crossing[t])) };
      const scratch = literal(32768);  // far from the edges
      if (results === 'v') {
        fn.results = [T.l, T.l];
        fn.code = [...scratch, ...code, ...simd(11), 4, 0, ...scratch, 0x29, 3, 0, ...scratch, 0x29, 3, 8];
      } else if (results === '') {
        fn.results = [T.l];
        fn.code = [...code, ...literal(65520), 0x29, 0, 0, ...literal(65528), 0x29, 0, 0, 0x7c];
      } else {
        fn.results = crossing[results];
        fn.code = [...code, ...reinterpretOut[results]];
      }
      functions.push(fn);
      for (const end of [0n, 1n, 2n, 3n, 4n, 7n, 8n, 9n, 15n, 16n, 17n, 25n]) {
        for (const base of [0n, 65536n - end, 65536n - end - offset, (1n << 32n) - end, (1n << 33n) - end, (1n << 63n) - end, space - end]) {
          if (base < 0n || base >= space) continue;
          const rest = [...params].slice(1).flatMap((t) => (t === 'v' ? vector() : [pick(pool[t])]));
          cases.push({ fn, row: { ...row, memory: true }, results: results || 'l', args: [base, ...rest] });
        }
      }
    }
  }
}
memoryCases(false, functions, cases);
function sleb(value) {
  const out = [];
  let n = value;
  for (;;) {
    const byte = n & 0x7f;
    n >>= 7;
    if ((n === 0 && !(byte & 0x40)) || (n === -1 && (byte & 0x40))) { out.push(byte); return out; }
    out.push(byte | 0x80);
  }
}

// --- run ours ---
const directory = mkdtempSync(join(tmpdir(), 'engine-oracle-'));
process.on('exit', () => rmSync(directory, { recursive: true }));
const hex = (v, type) => v.toString(16).padStart(type === T.i ? 8 : 16, '0');
function runOurs(bytes, lines) {
  const path = join(directory, 'ops.wasm');
  writeFileSync(path, bytes);
  const child = spawnSync(runner, [path], { input: lines.join('\n') + '\n', maxBuffer: 1 << 30, encoding: 'utf8' });
  if (child.status !== 0) { console.log(child.stdout.slice(0, 500), child.stderr); process.exit(1); }
  return child.stdout.split('\n');
}
const bytes = moduleBytes(functions, [0, 1]);
const ours = runOurs(bytes, cases.map((c) => [c.fn.name, ...c.args.map((a, i) => hex(a, c.fn.params[i]))].join(' ')));

// --- against Node ---
function theirs(instance, c) {
  const args = c.args.map((a, i) => (c.fn.params[i] === T.i ? Number(BigInt.asIntN(32, a)) : BigInt.asIntN(64, a)));
  try {
    const out = instance.exports[c.fn.name](...args);
    const values = Array.isArray(out) ? out : [out];
    return '= ' + values.map((v, i) => hex(typeof v === 'bigint' ? BigInt.asUintN(64, v) : BigInt(v >>> 0), c.fn.results[i])).join(' ');
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return '! ' + error.message;
  }
}
const kinds = [
  [/integer overflow/, /^! integer overflow /],
  [/invalid conversion to integer/, /^! conversion of a NaN to an integer /],
  [/out of bounds/, /^! memory access out of bounds /],
  [/(divide|remainder|integer divide) by zero/, /^! integer division by zero /],
  [/divide result unrepresentable/, /^! integer overflow /],
  [/float unrepresentable/, /^! (integer overflow|conversion of a NaN to an integer) /],
];
const isNan32 = (b) => (b & 0x7fffffffn) > 0x7f800000n;
const isNan64 = (b) => (b & 0x7fffffffffffffffn) > 0x7ff0000000000000n;
const computes = (row) => !row.memory && !/abs|neg$|copysign|reinterpret|splat|lane|pmin|pmax|shuffle|swizzle/.test(row.text);
function agrees(c, mine, other) {
  if (mine === other) return true;
  if (other.startsWith('!')) return kinds.some(([theirKind, myKind]) => theirKind.test(other) && myKind.test(mine));
  if (mine.startsWith('!') || !computes(c.row)) return false;
  const double = c.row.text.startsWith('f64');
  if (!double && !c.row.text.startsWith('f32')) return false;
  const a = mine.slice(2).split(' ').map((h) => BigInt('0x' + h));
  const b = other.slice(2).split(' ').map((h) => BigInt('0x' + h));
  const lanes = (words) => (double ? words : words.flatMap((w) => (c.results === 'v' ? [w & 0xffffffffn, w >> 32n] : [w])));
  const [x, y] = [lanes(a), lanes(b)];
  return x.every((lane, i) => lane === y[i] || (double ? isNan64(y[i]) && lane === 0x7ff8000000000000n : isNan32(y[i]) && lane === 0x7fc00000n));
}
let bad = 0;
function compare(who, c, mine, other) {
  if (agrees(c, mine, other)) return;
  if (++bad <= 40) console.log(`${who}: ${c.fn.name} ${c.args.map((a) => a.toString(16)).join(' ')}: ours ${mine}, theirs ${other}`);
}
const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
cases.forEach((c, i) => compare('node', c, ours[i], theirs(instance, c)));
const used = new Set(cases.map((c) => c.row.text));
console.log(`node: ${used.size} instructions, ${cases.length} cases, ${bad} disagreements`);

// --- 64-bit memories, which older versions of Node know by a flag only ---
{
  const functions64 = [], cases64 = [];
  memoryCases(true, functions64, cases64);
  const wide = moduleBytes(functions64, [4, 1]);
  const lines = runOurs(wide, cases64.map((c) => [c.fn.name, ...c.args.map((a, i) => hex(a, c.fn.params[i]))].join(' ')));
  const before = bad;
  const wideInstance = new WebAssembly.Instance(new WebAssembly.Module(wide));
  cases64.forEach((c, i) => compare('node, 64-bit memory', c, lines[i], theirs(wideInstance, c)));
  console.log(`node, 64-bit memory: ${cases64.length} cases, ${bad - before} disagreements`);
}

// --- against wasm-interp: it calls exports without parameters, so operands become constants ---
const constant = (v, t) => (t === T.i ? [0x41, ...sleb64(BigInt.asIntN(32, v))] : [0x42, ...sleb64(BigInt.asIntN(64, v))]);
function sleb64(value) {
  const out = [];
  let n = value;
  for (;;) {
    const byte = Number(n & 0x7fn);
    n >>= 7n;
    if ((n === 0n && !(byte & 0x40)) || (n === -1n && (byte & 0x40))) { out.push(byte); return out; }
    out.push(byte | 0x80);
  }
}
const index = new Map(functions.map((f, i) => [f, i]));
const sample = cases.filter((_, i) => i % 7 === 0);
const wrappers = sample.map((c, i) => ({ name: `case${i}`, params: [], results: c.fn.results,
  code: [...c.args.flatMap((a, k) => constant(a, c.fn.params[k])), 0x10, ...leb(index.get(c.fn))] }));
const wrapped = moduleBytes([...functions, ...wrappers], [0, 1]);
const mine = runOurs(wrapped, wrappers.map((w) => w.name));
const interp = spawnSync('wasm-interp', [join(directory, 'ops.wasm'), '--run-all-exports'], { encoding: 'utf8', maxBuffer: 1 << 30 });
const answers = new Map([...interp.stdout.matchAll(/^(case\d+)\(\) => (.*)$/gm)].map(([, n, text]) => [n, text]));
const before = bad;
let compared = 0;
sample.forEach((c, i) => {
  const text = answers.get(`case${i}`);
  if (text === undefined) return compare('wasm-interp', c, mine[i], '! no answer');
  ++compared;
  const values = [...text.matchAll(/i(32|64):(\d+)/g)].map(([, bits, n]) => hex(BigInt(n), bits === '32' ? T.i : T.l));
  const error = text.match(/^error: (.*)$/);
  compare('wasm-interp', c, mine[i], error ? '! ' + error[1] : '= ' + values.join(' '));
});
console.log(`wasm-interp: ${compared} cases, ${bad - before} disagreements`);
process.exit(bad === 0 && compared === sample.length ? 0 : 1);
