// SPDX-License-Identifier: Apache-2.0
// canrec downloader: writes the canister that reads state out.
#include "downloader/downloader.h"

#include "cli/generate.h"

namespace canrec::cli {

void add_downloader_command(CLI::App& app, Session& session) {
  add_generator(app, session,
                {"downloader",
                 "Write a canister that reads another canister's heap and stable memory out in "
                 "pieces, without changing them.",
                 "whoever knows the canister's id can read every user's data",
                 "try it first: canrec pull SNAPSHOT_DIR -o DIR; on the network it is installed by "
                 "an upgrade with wasm_memory_persistence = opt keep and skip_pre_upgrade = opt "
                 "true, after a snapshot was taken",
                 downloader::make_downloader});
}

}  // namespace canrec::cli
