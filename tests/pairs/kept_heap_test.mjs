// SPDX-License-Identifier: Apache-2.0
// Proves by experiment what pairs.json says of route S: the old module of every C and Rust pair builds a heap,
// the new module gets that memory, and both answer the same questions.
//
//   node kept_heap_test.mjs FIXTURES
//
// `experiment` of a pair is "same" or "differs". A pair that is `safe` must come out the same. The reverse
// does not hold: a heap that survives these questions may still be wrong, so `unsafe` pairs may be the same.
// The stack pointer is the only global that is not restored: it has its initial value between two messages.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const fixtures = process.argv[2];
const here = path.dirname(fileURLToPath(import.meta.url));

const words = (...values) => Buffer.from(Uint32Array.from(values).buffer);

/// A canister with as much of the System API as the sources beside this file use.
class Canister {
  constructor(file) {
    const stored = fs.readFileSync(file);
    const module = new WebAssembly.Module(stored[0] === 0x1f ? gunzipSync(stored) : stored);
    const answers = {
      msg_arg_data_size: () => this.argument.length,
      msg_arg_data_copy: (to, offset, size) => this.argument.copy(this.bytes(), to, offset, offset + size),
      msg_reply_data_append: (from, size) => this.reply.push(Buffer.from(this.bytes().subarray(from, from + size))),
      trap: () => { throw new Error('ic0.trap'); },
    };
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = answers[name] ?? (/^(stable64_|time|performance_counter)/.test(name) ? () => 0n : () => 0);
    }
    this.exports = new WebAssembly.Instance(module, imports).exports;
  }

  bytes() { return Buffer.from(this.exports.memory.buffer); }

  /// The reply as text; null when there is no such method.
  call(method, argument = words(0)) {
    const run = this.exports[`canister_update ${method}`] ?? this.exports[`canister_query ${method}`];
    if (!run) return null;
    this.argument = argument;
    this.reply = [];
    try {
      run();
      return Buffer.concat(this.reply).toString('hex');
    } catch (error) {
      return `trap: ${error.message}`;
    }
  }
}

function fill(canister) {
  for (let i = 0; i < 40; i++) {
    canister.call('put', words(i * 7919, i));
    canister.call('add_shape', words(i, i % 3 ? i : i + 2));
    canister.call('note', Buffer.concat([words(i), Buffer.from(`note ${i}`)]));
  }
}

function ask(canister) {
  const answers = {};
  for (let i = 0; i < 40; i++) {
    answers[`get ${i}`] = canister.call('get', words(i * 7919));
    answers[`read ${i}`] = canister.call('read', words(i));
  }
  for (const query of ['greet', 'depth', 'areas', 'names']) answers[query] = canister.call(query);
  answers.put = canister.call('put', words(5, 5));
  answers['get after put'] = canister.call('get', words(5));
  answers.add_shape = canister.call('add_shape', words(9, 9));
  answers['areas after add_shape'] = canister.call('areas');
  return answers;
}

/// The first question, asked of both, that the new module answers differently; null when there is none.
function firstDifference(folder) {
  const old = new Canister(path.join(folder, 'old.wasm'));
  fill(old);
  const image = Buffer.from(old.bytes());
  const expected = ask(old);
  const replaced = new Canister(path.join(folder, 'new.wasm'));
  const missing = image.length - replaced.bytes().length;
  if (missing > 0) replaced.exports.memory.grow(missing / 65536);
  replaced.bytes().set(image);
  const got = ask(replaced);
  return Object.keys(expected).find((question) =>
    expected[question] !== null && got[question] !== null && expected[question] !== got[question]) ?? null;
}

const { pairs } = JSON.parse(fs.readFileSync(path.join(here, 'pairs.json')));
let failures = 0;
let proved = 0;
for (const pair of pairs.filter(({ name }) => /^(c|rust)_/.test(name))) {
  const difference = firstDifference(path.join(fixtures, 'pairs', pair.name));
  const outcome = difference === null ? 'same' : 'differs';
  const wrong = outcome !== pair.experiment || (pair.S === 'safe' && outcome !== 'same');
  if (wrong) console.log(`${pair.name}: ${outcome}${difference ? ` (${difference})` : ''}, pairs.json says ${pair.experiment}`);
  failures += wrong;
  proved++;
}
console.log(`${proved} pairs, ${failures} not as pairs.json says`);
process.exitCode = failures > 0 || proved === 0 ? 1 : 0;
