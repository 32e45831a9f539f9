// SPDX-License-Identifier: Apache-2.0
// The same message through the JavaScript Candid library: node candid_js.mjs LIBRARY FILE
import { readFileSync } from 'node:fs';
const { IDL } = await import(process.argv[2]);
const type = IDL.Vec(IDL.Record({
  id: IDL.Nat64, owner: IDL.Principal, name: IDL.Text, amount: IDL.Nat, active: IDL.Bool,
  memo: IDL.Opt(IDL.Vec(IDL.Nat8)),
}));
const bytes = new Uint8Array(readFileSync(process.argv[3]));
const megabytes = bytes.length / 1e6;
// Processor time of this process: the machine may have other things to do.
function seconds(work) {
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  return [result, (user + system) / 1e6];
}
const column = (time) => `${time.toFixed(3).padStart(7)} s ${(megabytes / time).toFixed(1).padStart(7)} MB/s`;
const [values, decode] = seconds(() => IDL.decode([type], bytes));
// The two halves take minutes: what is known is printed at once.
process.stdout.write(`library  decode ${column(decode)}`);
const [encoded, encode] = seconds(() => IDL.encode([type], values));
if (encoded.length !== bytes.length) throw new Error('the library wrote another message');
const peak = process.resourceUsage().maxRSS * 1024;
console.log(`   encode ${column(encode)}   peak ${Math.round(peak / 1e6)} MB`);
