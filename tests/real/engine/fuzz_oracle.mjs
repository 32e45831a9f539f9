// SPDX-License-Identifier: Apache-2.0
// Random modules of Binaryen's fuzzer, or real ones, run by Node's engine, by WABT's interpreter and by ours.
//
//   node fuzz_oracle.mjs RUNNER MODULES [FIRST_SEED]
//   node fuzz_oracle.mjs RUNNER --real FILE...      real modules instead; imports return zeros
//
// Every export is called in order with two sets of arguments; results, calls of the imported
// functions, kinds of traps, the memory afterwards, and after each call the instructions counted
// are compared. Node runs the module with its charges written into the code (--instrument). Binaryen takes NaNs out
// (--denan) except from vectors, whose bits Node leaves to the processor: modules left because of a
// canonical NaN on our side and another on the other are counted as `nans`. Some modules of the fuzzer do not validate,
// most of those with reference types; they are counted and passed over.
// A module is left as soon as either side overflows its stack: depths differ by design.
//
// Our answers are then put to WABT in the form of its specification tests, one assertion for each call, by
// spectest-interp: the same interpreter as wasm-interp, which itself calls only exports without parameters and
// prints floats in decimal. Its imports print their arguments, which are compared as well; so vectors that Node
// does not let pass are compared here. `wabt` counts these modules, `unparsed` those that WABT cannot read.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [runner, count, ...rest] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'engine-fuzz-'));
const seedFile = join(directory, 'seed');
const moduleFile = join(directory, 'module.wasm');
const countingFile = join(directory, 'counting.wasm');
const features = ['--enable-bulk-memory', '--enable-sign-ext', '--enable-nontrapping-float-to-int',
  '--enable-multivalue', '--enable-mutable-globals', '--enable-tail-call'];

function randomBytes(seed, length) {
  const bytes = Buffer.alloc(length);
  let state = BigInt(seed) * 0x9e3779b97f4a7c15n;
  for (let i = 0; i < length; ++i) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    bytes[i] = Number(state >> 56n);
  }
  return bytes;
}

// The signatures of exported and imported functions, read from the binary: Node does not tell them.
function signatures(bytes) {
  let at = 8;
  const u = () => { let v = 0, s = 0, b; do { b = bytes[at++]; v += (b & 127) * 2 ** s; s += 7; } while (b & 128); return v; };
  const text = () => { const n = u(); at += n; return bytes.toString('utf8', at - n, at); };
  const limits = () => { const f = u(); u(); if (f & 1) u(); };
  const types = [], functions = [], exports = [], imports = new Map();
  while (at < bytes.length) {
    const id = bytes[at++], size = u(), end = at + size;
    if (id === 1) for (let n = u(); n > 0; --n) {
      at++;
      const list = () => { const out = []; for (let k = u(); k > 0; --k) out.push(bytes[at++]); return out; };
      types.push({ params: list(), results: list() });
    }
    if (id === 2) for (let n = u(); n > 0; --n) {
      text();
      const name = text(), kind = bytes[at++];
      if (kind === 0) { functions.push(types[u()]); imports.set(name, functions.at(-1)); } else if (kind === 1) { at++; limits(); } else if (kind === 2) limits(); else at += 2;
    }
    if (id === 3) for (let n = u(); n > 0; --n) functions.push(types[u()]);
    if (id === 7) for (let n = u(); n > 0; --n) {
      const name = text(), kind = bytes[at++], index = u();
      if (kind === 0) exports.push({ name, ...functions[index] });
    }
    at = end;
  }
  return { exports, imports };
}

const view = new DataView(new ArrayBuffer(8));
const f32 = (x) => { view.setFloat32(0, x); return BigInt(view.getUint32(0)); };
const f64 = (x) => { view.setFloat64(0, x); return view.getBigUint64(0); };
const hex = (v, type) => {
  switch (type) {
    case 0x7f: return (v >>> 0).toString(16).padStart(8, '0');
    case 0x7e: return BigInt.asUintN(64, v).toString(16).padStart(16, '0');
    case 0x7d: return Number.isNaN(v) ? '7fc00000' : f32(v).toString(16).padStart(8, '0');
    case 0x7c: return Number.isNaN(v) ? '7ff8000000000000' : f64(v).toString(16).padStart(16, '0');
    default: return v === null ? 'null' : 'reference';
  }
};
const argument = (type, round) => [[0, 0n, 0, 0], [-7, 1234567890123n, 1.5, -2.25]][round][0x7f - type];
const jsCallable = (f) => f.params.every((t) => t >= 0x7c) && !f.results.includes(0x7b);
// Our runner prints references as numbers.
const normal = (line, f) => !line.startsWith('=') ? line : '= ' + line.slice(2).split(' ').filter(Boolean)
  .map((h, i) => (f.results[i] >= 0x7c ? h : /^0+$/.test(h) ? 'null' : 'reference')).join(' ');
const kinds = [
  [/memory access out of bounds|data segment (out of bounds|is out)/, /^! memory access out of bounds/],
  [/table (index is )?out of bounds|table access/, /^! (table access out of bounds|indirect call of a null)/],
  [/element segment/, /^! table access out of bounds/],
  [/null function|signature mismatch/, /^! (indirect call|table access)/],
  [/(divide|remainder) by zero/, /^! integer division by zero/],
  [/divide result unrepresentable/, /^! integer overflow/],
  [/float unrepresentable/, /^! (integer overflow|conversion)/],
  [/unreachable/, /^! unreachable/],
];

// Whether two lines differ only where ours has the canonical NaN of either width and theirs another.
function differsInNans(mine, theirs) {
  const words = (line) => (line ?? '').trim().split(' ');
  const [a, b] = [words(mine), words(theirs)];
  const nan32 = (h) => /^[7f]f[89a-f]/.test(h) && (parseInt(h, 16) & 0x7fffff) !== 0;
  const nan64 = (h) => (BigInt('0x' + h) & 0x7fffffffffffffffn) > 0x7ff0000000000000n;
  return a.length === b.length && a.every((x, i) => {
    const y = b[i];
    if (x === y) return true;
    if (x.length !== y.length || !/^([0-9a-f]{8}|[0-9a-f]{16})$/.test(x)) return false;
    if (x === '7ff8000000000000' && nan64(y)) return true;
    return x.match(/.{8}/g).every((lane, k) => lane === y.slice(8 * k, 8 * k + 8) || (lane === '7fc00000' && nan32(y.slice(8 * k, 8 * k + 8))));
  });
}

// --- WABT ---
const asksWabt = count !== '--real';  // the imports of real modules are not those of the fuzzer
const bits = (h) => BigInt('0x' + h).toString();
const wabtKinds = [
  [/unreachable executed/, /^! unreachable/],
  [/out of bounds memory access/, /^! memory access out of bounds/],
  [/(undefined table|table access|out of bounds table)/, /^! table access out of bounds/],
  [/uninitialized table element/, /^! indirect call of a null/],
  [/indirect call signature mismatch/, /^! indirect call with a mismatched/],
  [/integer divide by zero/, /^! integer division by zero/],
  [/integer overflow/, /^! integer overflow/],
  [/invalid conversion to integer/, /^! conversion/],
];
const typeNames = { 0x7f: 'i32', 0x7e: 'i64', 0x7d: 'f32', 0x7c: 'f64' };

// The imports of the fuzzer's modules. Each argument comes out as one or two i32.
const hostFile = join(directory, 'host.wasm');
let hostIsMade = false;
function makeHost() {
  if (hostIsMade) return;
  hostIsMade = true;
  const split = (name, type, convert) => `(func (export "${name}") (param ${type})
    (call $p (i32.wrap_i64 (${convert} (local.get 0)))) (call $p (i32.wrap_i64 (i64.shr_u (${convert} (local.get 0)) (i64.const 32)))))`;
  const text = `(module (import "spectest" "print_i32" (func $p (param i32)))
    (func (export "log-i32") (param i32) (call $p (local.get 0)))
    (func (export "log-v128") (param v128) ${[0, 1, 2, 3].map((n) => `(call $p (i32x4.extract_lane ${n} (local.get 0)))`).join(' ')})
    (func (export "log-f32") (param f32) (call $p (i32.reinterpret_f32 (local.get 0))))
    ${split('log-i64', 'i64', 'i64.add (i64.const 0)')} ${split('log-f64', 'f64', 'i64.reinterpret_f64')})`;
  const source = join(directory, 'host.wat');
  writeFileSync(source, text);
  const made = spawnSync('wat2wasm', [source, '-o', hostFile], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
}
// "> log-i64 HEX" as the numbers that the host above prints.
function printed(line) {
  const [, , h] = line.split(' ');
  const v = BigInt('0x' + h);
  return Array.from({ length: h.length / 8 }, (_, n) => (v >> BigInt(32 * n)) & 0xffffffffn);
}
// Ours is a canonical NaN of either width, or its upper half, and theirs another NaN.
const otherNan = (mine, theirs) => (mine === 0x7fc00000n && (theirs & 0x7fc00000n) === 0x7fc00000n) ||
  (mine === 0x7ff80000n && (theirs & 0x7ff80000n) === 0x7ff80000n);

// `calls`: what was called, with what, and our answer. Whether WABT says the same; null when it cannot tell.
function wabtAgrees(label, moduleFile, calls) {
  makeHost();
  const commands = [{ type: 'module', line: 1, name: '$host', filename: 'host.wasm' },
    { type: 'register', line: 2, name: '$host', as: 'fuzzing-support' },
    { type: 'module', line: 3, filename: 'module.wasm' }];
  calls.forEach(({ f, round, mine }, i) => {
    const action = { type: 'invoke', field: f.name,
      args: f.params.map((t) => ({ type: typeNames[t], value: bits(hex(argument(t, round), t)) })) };
    const line = 4 + i;
    if (mine.startsWith('!')) commands.push({ type: 'assert_trap', line, action, text: '', expected: [] });
    else if (f.results.some((t) => !(t in typeNames))) commands.push({ type: 'action', line, action, expected: [] });
    else {
      const values = mine.slice(2).split(' ').filter(Boolean);
      const expected = values.map((h, k) => ({ type: typeNames[f.results[k]],
        value: (f.results[k] === 0x7d && h === '7fc00000') || (f.results[k] === 0x7c && h === '7ff8000000000000') ? 'nan:arithmetic' : bits(h) }));
      commands.push({ type: 'assert_return', line, action, expected });
    }
  });
  const script = join(directory, 'wabt.json');
  // The reader of these files wants its keys in the order and with the blanks of wast2json.
  const text = (v) => Array.isArray(v) ? `[${v.map(text).join(', ')}]`
    : typeof v === 'object' ? `{${Object.entries(v).map(([k, x]) => `"${k}": ${text(x)}`).join(', ')}}` : JSON.stringify(v);
  writeFileSync(script, `{"source_filename": "wabt.wast",\n "commands": [\n  ${commands.map(text).join(', \n  ')}]}\n`);
  const run = spawnSync('spectest-interp', ['--enable-tail-call', script], { encoding: 'utf8', maxBuffer: 1 << 30, timeout: 120_000 });
  const lines = run.stdout.split('\n');
  if (/error (reading|linking)|unknown import|module not found|unable to read|error initialiazing|error initializing/i.test(run.stdout + run.stderr)) return null;
  if (/call stack exhausted/.test(run.stdout)) { ++totals.overflows; return null; }
  const problems = [];
  const total = lines.findLast((l) => / tests passed\.$/.test(l));
  const [, passed, all] = total?.match(/^(\d+)\/(\d+)/) ?? [];
  if (passed === undefined || passed !== all) problems.push(...lines.filter((l) => /wabt\.wast:\d+: (?!assert_trap passed)/.test(l)), total ?? `no total: ${run.signal ?? ''} ${run.stderr.slice(0, 200)}`);
  for (const l of lines) {
    const trap = l.match(/^wabt\.wast:(\d+): assert_trap passed: (.*)$/);
    if (!trap) continue;
    const { mine } = calls[Number(trap[1]) - 4];
    if (!wabtKinds.some(([a, b]) => a.test(trap[2]) && b.test(mine))) problems.push(`${l}, ours ${mine}`);
  }
  const theirLogs = lines.map((l) => l.match(/^called host spectest\.print_i32\(i32:(\d+)\)/)?.[1]).filter((v) => v !== undefined).map(BigInt);
  const mineLogs = calls.flatMap((c) => c.logs).flatMap(printed);
  if (theirLogs.length === mineLogs.length && theirLogs.some((v, i) => v !== mineLogs[i]) &&
      theirLogs.every((v, i) => v === mineLogs[i] || otherNan(mineLogs[i], v))) {
    ++totals.nans;
    return null;
  }
  if (problems.length === 0 && theirLogs.join() !== mineLogs.join()) {
    const at = mineLogs.findIndex((v, i) => v !== theirLogs[i]);
    problems.push(`imports were called otherwise: ${mineLogs.length} here, ${theirLogs.length} there, first at ${at}: ${mineLogs[at]}, ${theirLogs[at]}`);
  }
  problems.slice(0, 5).forEach((l) => console.log(`${label}: WABT: ${l}`));
  return problems.length === 0;
}

// What our runner printed, call by call, up to where a stack overflowed. The start function's calls of imports
// stand before those of the first call and count as its own.
function askWabt(label, moduleFile, plan, ours) {
  const calls = [];
  let line = 0;
  for (const { f, round } of plan) {
    const logs = [];
    while (ours[line]?.startsWith('> ')) logs.push(ours[line++]);
    const mine = (ours[line] ?? '! nothing').trimEnd();
    line += 2;  // and the counter
    if (mine.startsWith('! stack overflow')) break;
    calls.push({ f, round, mine, logs });
  }
  const agrees = wabtAgrees(label, moduleFile, calls);
  if (agrees === null) ++totals.unparsed;
  else if (agrees) ++totals.wabt;
  else ++totals.bad;
}

const totals = { modules: 0, invalid: 0, calls: 0, traps: 0, overflows: 0, nans: 0, wabt: 0, unparsed: 0, bad: 0 };
function compare(label, moduleFile) {
  const bytes = readFileSync(moduleFile);
  if (!WebAssembly.validate(bytes)) { ++totals.invalid; return; }
  const { exports, imports: importTypes } = signatures(bytes);
  const exported = exports.filter(jsCallable);
  const hangs = exported.some((f) => f.name === 'hangLimitInitializer');

  const script = [], plan = [];
  for (const round of [0, 1]) for (const f of exported) {
    if (hangs && f.name !== 'hangLimitInitializer') { script.push('hangLimitInitializer'); plan.push({ f: { name: 'hangLimitInitializer', params: [], results: [] }, round }); }
    script.push([f.name.replaceAll(' ', '%20'), ...f.params.map((t) => hex(argument(t, round), t))].join(' '));
    plan.push({ f, round });
  }
  script.push(':memory');
  for (let i = script.length - 2; i >= 0; --i) script.splice(i + 1, 0, ':counter');
  if (spawnSync(runner, [moduleFile, '--instrument', countingFile]).status !== 0) {
    console.log(`${label}: cannot instrument`);
    ++totals.bad;
    return;
  }
  const counting = readFileSync(countingFile);
  const child = spawnSync(runner, [moduleFile], { input: script.join('\n') + '\n', encoding: 'utf8', maxBuffer: 1 << 30 });
  const ours = child.stdout.split('\n');
  if (asksWabt) askWabt(label, moduleFile, plan, ours);
  let line = 0, over = false;

  let logs = [];
  const log = (name) => (...args) => { logs.push([name, args]); return importTypes.get(name).results[0] === 0x7e ? 0n : 0; };
  const imports = new Proxy({}, { get: () => new Proxy({}, { get: (_, name) => log(name) }) });
  let instance;
  try {
    instance = new WebAssembly.Instance(new WebAssembly.Module(counting), imports);
  } catch (error) {
    if (!ours[0].startsWith('!')) { ++totals.bad; console.log(`${label}: theirs ${error.message}, ours ${ours[0]}`); }
    return;
  }
  ++totals.modules;
  line += logs.length;  // of the start function
  for (const { f, round } of plan) {
    logs = [];
    let theirs;
    try {
      const out = instance.exports[f.name](...f.params.map((t) => argument(t, round)));
      const values = f.results.length === 0 ? [] : f.results.length === 1 ? [out] : [...out];
      theirs = '= ' + values.map((v, i) => hex(v, f.results[i])).join(' ');
    } catch (error) {
      if (error instanceof RangeError) { over = true; ++totals.overflows; break; }
      if (error instanceof TypeError) { over = true; break; }  // a v128 at the border to JavaScript
      theirs = '! ' + error.message;
      ++totals.traps;
    }
    ++totals.calls;
    const mineLogs = [];
    while (ours[line]?.startsWith('> ')) mineLogs.push(ours[line++]);
    const mine = normal(ours[line++] ?? 'nothing', f);
    const counted = ours[line++];
    if (mine.startsWith('! stack overflow')) { over = true; ++totals.overflows; break; }
    const theirLogs = logs.map(([name, args]) => `> ${name}` + args.map((a, i) => ' ' + hex(a, importTypes.get(name).params[i])).join(''));
    const same = mine.trimEnd() === theirs.trimEnd() ||
      (theirs.startsWith('!') && kinds.some(([a, b]) => a.test(theirs) && b.test(mine)));
    const theirCount = `counter ${instance.exports.canrec_counter.value}`;
    if (same && counted !== theirCount) {
      ++totals.bad;
      console.log(`${label}: ${f.name}: ours ${counted}, theirs ${theirCount}`);
      over = true;
      break;
    }
    if (!same || theirLogs.join() !== mineLogs.join()) {
      over = true;
      if ((same || differsInNans(mine, theirs)) && theirLogs.length === mineLogs.length &&
          theirLogs.every((l, i) => differsInNans(mineLogs[i], l))) {
        ++totals.nans;
        break;
      }
      ++totals.bad;
      console.log(`${label}: ${f.name}: ours ${mine}, theirs ${theirs}`);
      theirLogs.forEach((l, i) => { if (l !== mineLogs[i]) console.log(`  log ${i}: ours ${mineLogs[i]}, theirs ${l}`); });
      over = true;
      break;
    }
  }
  if (over) return;
  if (instance.exports.memory === undefined) return;
  const memory = new Uint8Array(instance.exports.memory.buffer);
  const hash = `memory ${createHash('sha256').update(memory).digest('hex')} ${memory.length / 65536}`;
  if (ours[line] !== hash) { ++totals.bad; console.log(`${label}: ours ${ours[line]}, theirs ${hash}`); }
}

if (count === '--real') {
  for (const path of rest) compare(path, path);
} else {
  const first = Number(rest[0] ?? 1);
  for (let seed = first; seed < first + Number(count); ++seed) {
    writeFileSync(seedFile, randomBytes(seed, 200 + (seed * 37) % 6000));
    const simd = seed % 2 === 0;
    const made = spawnSync('wasm-opt', ['-ttf', seedFile, '--denan', ...features, ...(simd ? ['--enable-simd'] : []), ...(seed % 5 === 0 ? ['--enable-reference-types'] : []),
      ...(seed % 3 === 0 ? ['-O1'] : []), '-o', moduleFile], { encoding: 'utf8' });
    if (made.status !== 0) { ++totals.invalid; continue; }
    compare(`seed ${seed}`, moduleFile);
  }
}
rmSync(directory, { recursive: true });
console.log(JSON.stringify(totals));
process.exit(totals.bad === 0 && totals.modules > 0 && (!asksWabt || totals.wabt > 0) ? 0 : 1);
