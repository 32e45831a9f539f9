// SPDX-License-Identifier: Apache-2.0
// What the JavaScript library reads in an argument of the management canister.
//   node install_oracle.mjs LIBRARY METHOD FILE
// prints one JSON object: blobs as their SHA-256 and length, principals as text. The types are written
// down here from the interface specification, not taken from canrec.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
const [library, method, file] = process.argv.slice(2);
const { IDL } = await import(library);

const blob = IDL.Vec(IDL.Nat8);
const mode = IDL.Variant({
  install: IDL.Null, reinstall: IDL.Null,
  upgrade: IDL.Opt(IDL.Record({
    skip_pre_upgrade: IDL.Opt(IDL.Bool),
    wasm_memory_persistence: IDL.Opt(IDL.Variant({ keep: IDL.Null, replace: IDL.Null })),
  })),
});
const types = {
  install_code: IDL.Record({
    mode, canister_id: IDL.Principal, wasm_module: blob, arg: blob, sender_canister_version: IDL.Opt(IDL.Nat64),
  }),
  upload_chunk: IDL.Record({ canister_id: IDL.Principal, chunk: blob }),
  install_chunked_code: IDL.Record({
    mode, target_canister: IDL.Principal, store_canister: IDL.Opt(IDL.Principal),
    chunk_hashes_list: IDL.Vec(IDL.Record({ hash: blob })), wasm_module_hash: blob, arg: blob,
    sender_canister_version: IDL.Opt(IDL.Nat64),
  }),
};
const [value] = IDL.decode([types[method]], Uint8Array.from(readFileSync(file)));
const shown = (_, it) => {
  if (it instanceof Uint8Array) return it.length <= 32 ? Buffer.from(it).toString('hex')
    : `${it.length} bytes ${createHash('sha256').update(it).digest('hex')}`;
  return it?._isPrincipal ? it.toText() : it;
};
// A principal has a toJSON of its own, so its text is taken before.
const plain = (it) => it?._isPrincipal ? it.toText() : it instanceof Uint8Array ? it
  : Array.isArray(it) ? it.map(plain) : it && typeof it === 'object' ? Object.fromEntries(Object.entries(it).map(([k, v]) => [k, plain(v)])) : it;
console.log(JSON.stringify(plain(value), shown));
