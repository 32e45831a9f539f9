// SPDX-License-Identifier: Apache-2.0
// Just enough of the Wasm binary format to write test modules.
export const T = { i: 0x7f, l: 0x7e, f: 0x7d, d: 0x7c, v: 0x7b };

export function leb(value) {
  let n = BigInt(value);
  const out = [];
  do {
    let byte = Number(n & 0x7fn);
    n >>= 7n;
    if (n !== 0n) byte |= 0x80;
    out.push(byte);
  } while (n !== 0n);
  return out;
}
export const section = (id, content) => [[id], leb(content.length), content].flat();
export const vec = (items) => leb(items.length).concat(items.flat());
export const name = (text) => [...leb(text.length), ...Buffer.from(text)];

// functions: [{name, params: [byte], results: [byte], code: [byte]}]; memory: limits bytes or null.
export function moduleBytes(functions, memory) {
  const types = functions.map((f) => [0x60, ...vec(f.params.map((t) => [t])), ...vec(f.results.map((t) => [t]))]);
  const bodies = functions.map((f) => {
    const body = [0, ...f.code, 0x0b];
    return [...leb(body.length), ...body];
  });
  const exports = functions.map((f, i) => [...name(f.name), 0, ...leb(i)]);
  if (memory) exports.push([...name('memory'), 2, 0]);
  // Arrays of arrays: spreading a large one would overflow the stack.
  return Uint8Array.from([
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, vec(types)),
    section(3, vec(functions.map((_, i) => leb(i)))),
    memory ? section(5, vec([memory])) : [],
    section(7, vec(exports)),
    section(10, vec(bodies)),
  ].flat());
}
