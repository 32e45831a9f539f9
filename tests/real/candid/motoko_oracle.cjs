// SPDX-License-Identifier: Apache-2.0
// Answers with the Motoko compiler.
//   node motoko_oracle.cjs MOC_JS < questions > answers     one JSON object a line
//   {op: "stable", old, new}    {codes: ["M0170 x", ...], messages}
//   {op: "did", text}           {good}
//   {op: "compile", files: {name: text}, flags, out}    {signature}; the module goes to the file out
const { Motoko } = require(process.argv[2]);
const { readFileSync, writeFileSync } = require('node:fs');
const lines = readFileSync(0, 'utf8').split('\n');

function answer(question) {
  if (question.op === 'did') {
    Motoko.saveFile('a.did', question.text);
    const result = Motoko.parseCandid(question.text);
    return { good: result.code != null };
  }
  if (question.op === 'compile') {
    for (const [name, text] of Object.entries(question.files)) Motoko.saveFile(name, text);
    Motoko.setExtraFlags(question.flags);
    const { code, diagnostics } = Motoko.compileWasm('ic', 'main.mo');
    if (!code) throw new Error(diagnostics.map(({ message }) => message).join('; '));
    writeFileSync(question.out, code.wasm);
    return { signature: code.stable };
  }
  Motoko.saveFile('old.most', question.old);
  Motoko.saveFile('new.most', question.new);
  const { diagnostics } = Motoko.stableCompatible('old.most', 'new.most');
  const errors = diagnostics.filter(({ severity }) => severity === 1);
  const codes = errors.map((diagnostic) => {
    const variable = /stable variable `([^`]*)`/.exec(diagnostic.message);
    return diagnostic.code + (variable ? ' ' + variable[1] : '');
  });
  return { codes, messages: errors.map(({ message }) => message).join(' ').replace(/\s+/g, ' ') };
}

for (const line of lines) {
  if (line !== '') process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
}
