// SPDX-License-Identifier: Apache-2.0
// A network of one process on 127.0.0.1, enough of it for `icp canister snapshot upload` and
// `download`: it signs its certificates with a BLS key of its own, keeps the snapshot it is sent,
// and hands it out again.
//   node network_stub.mjs NODE_MODULES OUT COMMAND
// runs COMMAND in a shell with NETWORK (a URL) and ROOT_KEY in its environment, and ends with its
// exit code. OUT/calls.txt gets a line for every call (method, length of its argument, length of the
// message, address), OUT/metadata.arg the argument of upload_canister_snapshot_metadata, and
// OUT/module, heap, stable, chunk-SHA256 what the uploads put together.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [modules, out, command] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${modules}/${path}`));
const { decode: cborDecode, encode: cborEncode } = await load('@dfinity/cbor/dist/cbor.mjs');
const { bls12_381: bls } = await load('@noble/curves/esm/bls12-381.js');
const { IDL } = await load('@icp-sdk/core/lib/esm/candid/index.js');
const { requestIdOf } = await load('@icp-sdk/core/lib/esm/agent/index.js');

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (string) => new TextEncoder().encode(string);
const hex = (data) => Buffer.from(data).toString('hex');

// --- certificates --------------------------------------------------------------------------------

const secret = new Uint8Array(32).fill(7);
const key = bls.shortSignatures.getPublicKey(secret).toBytes(true);
const rootKey = Buffer.concat([
  Buffer.from('308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100', 'hex'), key]);

const separated = (name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]);
// Hash trees as the interface specification has them: [1, left, right], [2, label, tree], [3, leaf].
function hashOf(tree) {
  switch (tree[0]) {
    case 0: return sha256(separated('ic-hashtree-empty'));
    case 1: return sha256(separated('ic-hashtree-fork'), hashOf(tree[1]), hashOf(tree[2]));
    case 2: return sha256(separated('ic-hashtree-labeled'), tree[1], hashOf(tree[2]));
    default: return sha256(separated('ic-hashtree-leaf'), tree[1]);
  }
}
const labelled = (label, tree) => [2, label, tree];
// Entries in ascending order of their labels.
const forks = (entries) => entries.reduceRight((rest, entry) => (rest === null ? entry : [1, entry, rest]), null);
const leb128 = (number) => {
  const digits = [];
  for (let n = BigInt(number); ; n >>= 7n) {
    digits.push(Number(n & 0x7fn) | (n > 0x7fn ? 0x80 : 0));
    if (n <= 0x7fn) return Uint8Array.from(digits);
  }
};
const now = () => BigInt(Date.now()) * 1000000n;
function certificate(entries) {
  const tree = forks([...entries, labelled(bytes('time'), [3, leb128(now())])]);
  const message = Buffer.concat([separated('ic-state-root'), hashOf(tree)]);
  const signature = bls.shortSignatures.sign(bls.shortSignatures.hash(message, 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_'), secret).toBytes(true);
  return selfDescribed({ tree, signature });
}
const selfDescribed = (value) => Buffer.concat([Buffer.from('d9d9f7', 'hex'), cborEncode(value)]);

// --- the management canister ---------------------------------------------------------------------

const Global = IDL.Variant({ i32: IDL.Int32, i64: IDL.Int64, f32: IDL.Float32, f64: IDL.Float64, v128: IDL.Nat });
const Timer = IDL.Opt(IDL.Variant({ inactive: IDL.Null, active: IDL.Nat64 }));
const Hook = IDL.Opt(IDL.Variant({ condition_not_satisfied: IDL.Null, ready: IDL.Null, executed: IDL.Null }));
const common = {
  wasm_module_size: IDL.Nat64, globals: IDL.Vec(Global), wasm_memory_size: IDL.Nat64, stable_memory_size: IDL.Nat64,
  certified_data: IDL.Vec(IDL.Nat8), global_timer: Timer, on_low_wasm_memory_hook_status: Hook,
};
const names = { canister_id: IDL.Principal, snapshot_id: IDL.Vec(IDL.Nat8) };
const piece = IDL.Record({ offset: IDL.Nat64, size: IDL.Nat64 });
const place = IDL.Record({ offset: IDL.Nat64 });
const types = {
  upload_canister_snapshot_metadata: [
    IDL.Record({ canister_id: IDL.Principal, replace_snapshot: IDL.Opt(IDL.Vec(IDL.Nat8)), ...common }),
    [IDL.Record({ snapshot_id: IDL.Vec(IDL.Nat8) })]],
  upload_canister_snapshot_data: [
    IDL.Record({ ...names, kind: IDL.Variant({ wasm_module: place, wasm_memory: place, stable_memory: place, wasm_chunk: IDL.Null }),
                 chunk: IDL.Vec(IDL.Nat8) }), []],
  read_canister_snapshot_metadata: [IDL.Record(names), [IDL.Record({
    ...common, source: IDL.Variant({ taken_from_canister: IDL.Reserved, metadata_upload: IDL.Reserved }),
    taken_at_timestamp: IDL.Nat64, canister_version: IDL.Nat64, wasm_chunk_store: IDL.Vec(IDL.Record({ hash: IDL.Vec(IDL.Nat8) })) })]],
  read_canister_snapshot_data: [
    IDL.Record({ ...names, kind: IDL.Variant({ wasm_module: piece, wasm_memory: piece, stable_memory: piece,
                                               wasm_chunk: IDL.Record({ hash: IDL.Vec(IDL.Nat8) }) }) }),
    [IDL.Record({ chunk: IDL.Vec(IDL.Nat8) })]],
};

const visibility = IDL.Variant({ controllers: IDL.Null, public: IDL.Null, allowed_viewers: IDL.Vec(IDL.Principal) });
const settings = {
  controllers: IDL.Vec(IDL.Principal), compute_allocation: IDL.Nat, memory_allocation: IDL.Nat, freezing_threshold: IDL.Nat,
  reserved_cycles_limit: IDL.Nat, wasm_memory_limit: IDL.Nat, wasm_memory_threshold: IDL.Nat, log_memory_limit: IDL.Nat,
  minimum_incoming_canister_call_cycles: IDL.Nat, log_visibility: visibility, snapshot_visibility: visibility,
  status_visibility: visibility, environment_variables: IDL.Vec(IDL.Record({ name: IDL.Text, value: IDL.Text })),
};
const nats = (...names) => Object.fromEntries(names.map((name) => [name, IDL.Nat]));
const metrics = nats('wasm_memory_size', 'stable_memory_size', 'global_memory_size', 'wasm_binary_size',
  'custom_sections_size', 'canister_history_size', 'wasm_chunk_store_size', 'snapshots_size', 'log_memory_store_size');
const stats = nats('num_calls_total', 'num_instructions_total', 'request_payload_bytes_total', 'response_payload_bytes_total');
types.canister_status = [IDL.Record({ canister_id: IDL.Principal }), [IDL.Record({
  status: IDL.Variant({ running: IDL.Null, stopping: IDL.Null, stopped: IDL.Null }), ready_for_migration: IDL.Bool,
  version: IDL.Nat64, settings: IDL.Record(settings), module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)),
  memory_metrics: IDL.Record(metrics), query_stats: IDL.Record(stats),
  ...nats('memory_size', 'cycles', 'reserved_cycles', 'idle_cycles_burned_per_day') })]];
const zeros = (names) => Object.fromEntries(Object.keys(names).map((name) => [name, 0n]));

const files = { wasm_module: 'module', wasm_memory: 'heap', stable_memory: 'stable' };
const chunks = [];
let kept = null;
const methods = {
  // Of the module that was uploaded; the canister controls itself.
  canister_status({ canister_id }) {
    const all = { controllers: null };
    return [{
      status: { stopped: null }, ready_for_migration: true, version: 7n, module_hash: [sha256(readFileSync(`${out}/module`))],
      settings: { ...zeros(settings), controllers: [canister_id], freezing_threshold: 2592000n, wasm_memory_limit: 3221225472n,
                  log_visibility: all, snapshot_visibility: all, status_visibility: all, environment_variables: [] },
      memory_metrics: zeros(metrics), query_stats: zeros(stats),
      memory_size: 1234567n, cycles: 3000000000000n, reserved_cycles: 0n, idle_cycles_burned_per_day: 0n }];
  },
  upload_canister_snapshot_metadata(argument, raw) {
    writeFileSync(`${out}/metadata.arg`, raw);
    kept = argument;
    for (const name of Object.values(files)) writeFileSync(`${out}/${name}`, '');
    return [{ snapshot_id: Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 5, ...argument.canister_id.toUint8Array()]) }];
  },
  upload_canister_snapshot_data({ kind, chunk }) {
    const [name, where] = Object.entries(kind)[0];
    if (name === 'wasm_chunk') {
      chunks.push(sha256(chunk));
      writeFileSync(`${out}/chunk-${hex(sha256(chunk))}`, chunk);
      return [];
    }
    if (where.offset + BigInt(chunk.length) > kept[`${name}_size`]) throw new Error(`${name} beyond its size`);
    const file = openSync(`${out}/${files[name]}`, 'r+');
    writeSync(file, chunk, 0, chunk.length, Number(where.offset));
    closeSync(file);
    return [];
  },
  read_canister_snapshot_metadata() {
    return [{ ...kept, source: { metadata_upload: null }, taken_at_timestamp: 1764000000123456789n, canister_version: 3n,
              wasm_chunk_store: chunks.map((hash) => ({ hash })) }];
  },
  read_canister_snapshot_data({ kind }) {
    const [name, which] = Object.entries(kind)[0];
    if (name === 'wasm_chunk') return [{ chunk: readFileSync(`${out}/chunk-${hex(which.hash)}`) }];
    const begin = Number(which.offset);
    return [{ chunk: readFileSync(`${out}/${files[name]}`).subarray(begin, begin + Number(which.size)) }];
  },
};

function answer(method, raw) {
  const [argument, results] = types[method] ?? [];
  if (!argument) throw new Error(`unknown method ${method}`);
  return new Uint8Array(IDL.encode(results, methods[method](IDL.decode([argument], raw)[0], raw)));
}

// --- HTTP ----------------------------------------------------------------------------------------

const statuses = new Map();  // request id in hex: entries of its part of the tree
function run(content) {
  const id = requestIdOf(content);
  if (!statuses.has(hex(id))) {
    let entries;
    try {
      entries = [['reply', answer(content.method_name, Uint8Array.from(content.arg))], ['status', bytes('replied')]];
    } catch (error) {
      entries = [['reject_code', leb128(5)], ['reject_message', bytes(error.message)], ['status', bytes('rejected')]];
    }
    statuses.set(hex(id), labelled(id, forks(entries.map(([name, value]) => labelled(bytes(name), [3, value])))));
  }
  return certificate([labelled(bytes('request_status'), statuses.get(hex(id)))]);
}

function route(url, body) {
  if (url.endsWith('/status')) {
    return selfDescribed({ ic_api_version: '0.18.0', root_key: new Uint8Array(rootKey), replica_health_status: 'healthy' });
  }
  const { content } = cborDecode(body);
  if (url.endsWith('/call')) {
    appendFileSync(`${out}/calls.txt`, `${content.method_name} ${content.arg.length} ${body.length} ${url}\n`);
    return selfDescribed({ status: 'replied', certificate: run(content) });
  }
  if (url.endsWith('/read_state')) {
    for (const path of content.paths) {
      const found = text(path[0]) === 'request_status' && statuses.get(hex(path[1]));
      if (found) return selfDescribed({ certificate: certificate([labelled(bytes('request_status'), found)]) });
    }
    return selfDescribed({ certificate: certificate([]) });
  }
  appendFileSync(`${out}/calls.txt`, `unknown ${url}\n`);
  return null;
}

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const reply = route(request.url, Buffer.concat(parts));
    response.writeHead(reply ? 200 : 404, { 'content-type': 'application/cbor' });
    response.end(reply ?? '');
  });
});
server.listen(0, '127.0.0.1', () => {
  const environment = { ...process.env, NETWORK: `http://127.0.0.1:${server.address().port}`, ROOT_KEY: hex(rootKey) };
  spawn('sh', ['-c', command], { env: environment, stdio: 'inherit' }).on('exit', (code) => process.exit(code ?? 1));
});
