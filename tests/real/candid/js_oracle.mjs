// SPDX-License-Identifier: Apache-2.0
// Answers questions about Candid with the JavaScript library.
//   node js_oracle.mjs LIBRARY < questions > answers      one JSON object a line
// A question has `nodes`, the types as an arena ({k, i, f, a, r, m, mode}, indices into it), and
//   {op: "echo", types, hex}          decode at the types, encode again: {hex} or {error}
//   {op: "subtype", sub, super}       {holds}
import { createInterface } from 'node:readline';
const { IDL } = await import(process.argv[2]);

const primitives = {
  null: IDL.Null, bool: IDL.Bool, nat: IDL.Nat, int: IDL.Int, nat8: IDL.Nat8, nat16: IDL.Nat16,
  nat32: IDL.Nat32, nat64: IDL.Nat64, int8: IDL.Int8, int16: IDL.Int16, int32: IDL.Int32,
  int64: IDL.Int64, float32: IDL.Float32, float64: IDL.Float64, text: IDL.Text,
  reserved: IDL.Reserved, empty: IDL.Empty, principal: IDL.Principal,
};

// Only what leads back to itself becomes a Rec: the library does not look through one for `opt`.
function typesOf(nodes) {
  const done = [];
  const open = new Map();
  const tuple = (indices) => indices.map(type);
  const func = (node) => IDL.Func(tuple(node.a), tuple(node.r), node.mode ? [node.mode] : []);
  const fields = (node) => Object.fromEntries(node.f.map(([label, inner]) => [`_${label}_`, type(inner)]));
  function build(node) {
    switch (node.k) {
      case 'opt': return IDL.Opt(type(node.i));
      case 'vec': return IDL.Vec(type(node.i));
      case 'record': return IDL.Record(fields(node));
      case 'variant': return IDL.Variant(fields(node));
      case 'func': return func(node);
      case 'service':
        return IDL.Service(Object.fromEntries(node.m.map(([name, index]) => [name, func(nodes[index])])));
    }
  }
  function type(index) {
    const node = nodes[index];
    if (primitives[node.k]) return primitives[node.k];
    if (done[index]) return done[index];
    if (open.has(index)) {
      if (open.get(index) === null) open.set(index, IDL.Rec());
      return open.get(index);
    }
    open.set(index, null);
    const built = build(node);
    const rec = open.get(index);
    open.delete(index);
    if (rec !== null) rec.fill(built);
    return (done[index] = rec ?? built);
  }
  return nodes.map((_, index) => type(index));
}

function answer(question) {
  try {
    const types = typesOf(question.nodes);
    if (question.op === 'subtype') {
      return { holds: IDL.subtype(types[question.sub], types[question.super]) };
    }
    const wanted = question.types.map((index) => types[index]);
    const values = IDL.decode(wanted, Uint8Array.from(Buffer.from(question.hex, 'hex')));
    return { hex: Buffer.from(IDL.encode(wanted, values)).toString('hex') };
  } catch (error) {
    return { error: String(error.message).split('\n')[0] };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
}
