// SPDX-License-Identifier: Apache-2.0
// What Juno's command line writes as metadata.json, by the libraries that it is made of: the reply
// of read_canister_snapshot_metadata goes through @icp-sdk/canisters and the replacer of
// @dfinity/utils, as in src/services/modules/snapshot of https://github.com/junobuild/cli.
//   node juno_oracle.mjs NODE_MODULES < question > metadata.json
// The question is JSON with `id`, `reply` (integers of 64 bits and bytes as the replacer writes
// them) and `data`.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const load = (path) => import(pathToFileURL(`${process.argv[2]}/${path}`));
const { jsonReplacer, jsonReviver } = await load('@dfinity/utils/dist/index.mjs');
const { IcManagementCanister } = await load('@icp-sdk/canisters/ic-management/index.js');
const { Principal } = await load('@icp-sdk/core/lib/esm/principal/index.js');

const { id, reply, data } = JSON.parse(readFileSync(0, 'utf8'), jsonReviver);
const canister = IcManagementCanister.create({
  agent: {}, certifiedServiceOverride: { read_canister_snapshot_metadata: async () => reply },
});
const metadata = await canister.readCanisterSnapshotMetadata({ canisterId: Principal.anonymous(), snapshotId: id });
const text = JSON.stringify({ snapshotId: `0x${id}`, metadata, data }, jsonReplacer, 2);
// What Juno reads at an upload is what it wrote.
if (JSON.stringify(JSON.parse(text, jsonReviver), jsonReplacer, 2) !== text) throw new Error('not read back');
process.stdout.write(text);
