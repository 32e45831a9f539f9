// SPDX-License-Identifier: Apache-2.0
// canrec uploader: writes the canister that puts state back.
#include "uploader/uploader.h"

#include "cli/generate.h"

namespace canrec::cli {

void add_uploader_command(CLI::App& app, Session& session) {
  add_generator(app, session,
                {"uploader",
                 "Write a canister that puts heap and stable memory back in pieces. Globals, "
                 "certified data and the timer cannot be written this way.",
                 "whoever knows the canister's id can overwrite its memory and stable memory, with "
                 "data that the real module then takes for its own",
                 "try it first: canrec push DIR -o FRESH_DIR; on the network it is installed into "
                 "an empty canister, and the real module then by an upgrade with "
                 "wasm_memory_persistence = opt keep",
                 uploader::make_uploader});
}

}  // namespace canrec::cli
