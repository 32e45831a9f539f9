// SPDX-License-Identifier: Apache-2.0
// A network with one canister for `icp`, which says that the canister runs and nothing else. It
// signs with a key of its own, whose public half the client is given as the root key.
//
//   node icp_network.mjs NODE_MODULES     prints "PORT ROOT_KEY" and serves until it is stopped
import { createServer } from 'node:http';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const load = async (name) => {
  const module = await import(pathToFileURL(require.resolve(name)));
  return module.default ?? module;
};
const { bls12_381: bls } = await load('@noble/curves/bls12-381');
const { encode, encodeWithSelfDescribedTag, decode } = await load('@dfinity/cbor');
const { IDL } = await load('@icp-sdk/core/candid');

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const utf8 = (text) => new TextEncoder().encode(text);
const leb = (value) => {
  const out = [];
  for (let v = BigInt(value); ; v >>= 7n) {
    if (v < 128n) return new Uint8Array([...out, Number(v)]);
    out.push(Number(v & 127n) | 128);
  }
};
const separator = (name) => new Uint8Array([name.length, ...utf8(name)]);

// https://internetcomputer.org/docs/references/ic-interface-spec#hash-of-map
const hashOf = (value) => {
  if (typeof value === 'string') return sha256(utf8(value));
  if (typeof value === 'number' || typeof value === 'bigint') return sha256(leb(value));
  if (value instanceof Uint8Array) return sha256(value);
  if (Array.isArray(value)) return sha256(...value.map(hashOf));
  return sha256(...Object.entries(value)
    .map(([key, v]) => Buffer.concat([sha256(utf8(key)), hashOf(v)]))
    .sort(Buffer.compare));
};

// https://internetcomputer.org/docs/references/ic-interface-spec#certificate
const digest = (tree) => {
  if (tree[0] === 1) return sha256(separator('ic-hashtree-fork'), digest(tree[1]), digest(tree[2]));
  if (tree[0] === 2) return sha256(separator('ic-hashtree-labeled'), tree[1], digest(tree[2]));
  return sha256(separator('ic-hashtree-leaf'), tree[1]);
};
const labeled = (name, tree) => [2, typeof name === 'string' ? utf8(name) : name, tree];
const key = new Uint8Array(32).fill(7);
const certificate = (request, reply) => {
  const tree = [1,
    labeled('request_status', labeled(request,
      [1, labeled('reply', [3, reply]), labeled('status', [3, utf8('replied')])])),
    labeled('time', [3, leb(BigInt(Date.now()) * 1_000_000n)])];
  const signature = bls.signShortSignature(
    new Uint8Array([...separator('ic-state-root'), ...digest(tree)]), key,
    { DST: 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_' });
  return encodeWithSelfDescribedTag({ tree, signature });
};

const nats = (...names) => Object.fromEntries(names.map((name) => [name, IDL.Nat]));
const zeros = (type) => Object.fromEntries(Object.keys(type).map((name) => [name, 0n]));
const settings = nats('compute_allocation', 'memory_allocation', 'freezing_threshold',
  'reserved_cycles_limit', 'wasm_memory_limit', 'wasm_memory_threshold', 'log_memory_limit',
  'minimum_incoming_canister_call_cycles');
const metrics = nats('wasm_memory_size', 'stable_memory_size', 'global_memory_size',
  'wasm_binary_size', 'custom_sections_size', 'canister_history_size', 'wasm_chunk_store_size',
  'snapshots_size', 'log_memory_store_size');
const queries = nats('num_calls_total', 'num_instructions_total', 'request_payload_bytes_total',
  'response_payload_bytes_total');
const sizes = nats('memory_size', 'cycles', 'reserved_cycles', 'idle_cycles_burned_per_day');
const visibility = IDL.Variant({ controllers: IDL.Null, public: IDL.Null });
const status = new Uint8Array(IDL.encode([IDL.Record({
  status: IDL.Variant({ running: IDL.Null }),
  settings: IDL.Record({ ...settings, controllers: IDL.Vec(IDL.Principal),
    log_visibility: visibility, snapshot_visibility: visibility, status_visibility: visibility,
    environment_variables: IDL.Vec(IDL.Record({ name: IDL.Text, value: IDL.Text })) }),
  module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)),
  memory_metrics: IDL.Record(metrics), query_stats: IDL.Record(queries), ...sizes,
  version: IDL.Nat64, ready_for_migration: IDL.Bool })],
[{ status: { running: null },
  settings: { ...zeros(settings), controllers: [], log_visibility: { public: null },
    snapshot_visibility: { public: null }, status_visibility: { public: null },
    environment_variables: [] },
  module_hash: [], memory_metrics: zeros(metrics), query_stats: zeros(queries), ...zeros(sizes),
  version: 1n, ready_for_migration: false }]));

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    let answer = new Uint8Array();
    if (request.url.endsWith('/call')) {
      const { content } = decode(new Uint8Array(body));
      answer = encode({ status: 'replied', certificate: certificate(hashOf(content), status) });
    }
    response.writeHead(answer.length ? 200 : 404, { 'content-type': 'application/cbor' });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => {
  // The DER form of a BLS key: https://internetcomputer.org/docs/references/ic-interface-spec#signatures
  const prefix = '308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100';
  const root = Buffer.from(bls.getPublicKeyForShortSignatures(key)).toString('hex');
  console.log(`${server.address().port} ${prefix}${root}`);
});
