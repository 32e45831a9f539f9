// SPDX-License-Identifier: Apache-2.0
// Answers with the Motoko compiler.
//   node motoko_oracle.cjs MOC_JS < questions > answers     one JSON object a line
//   {op: "stable", old, new}    {codes: ["M0170 x", ...]}
//   {op: "did", text}           {good}
const { Motoko } = require(process.argv[2]);
const lines = require('node:fs').readFileSync(0, 'utf8').split('\n');

function answer(question) {
  if (question.op === 'did') {
    Motoko.saveFile('a.did', question.text);
    const result = Motoko.parseCandid(question.text);
    return { good: result.code != null };
  }
  Motoko.saveFile('old.most', question.old);
  Motoko.saveFile('new.most', question.new);
  const { diagnostics } = Motoko.stableCompatible('old.most', 'new.most');
  const codes = diagnostics.map((diagnostic) => {
    const variable = /stable variable `([^`]*)`/.exec(diagnostic.message);
    return diagnostic.code + (variable ? ' ' + variable[1] : '');
  });
  return { codes };
}

for (const line of lines) {
  if (line !== '') process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + '\n');
}
