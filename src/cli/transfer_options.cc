// SPDX-License-Identifier: Apache-2.0
// The options that pull and push share.
#include "cli/transfer_options.h"

#include <CLI/CLI.hpp>

namespace canrec::cli {

void TransferFlags::add_to(CLI::App& command, Session& session, const std::string& carrier_name) {
  command.add_option("--" + carrier_name, carrier,
                     "a module written by canrec " + carrier_name + "; otherwise one is generated");
  command.add_option("--chunk", chunk,
                     "bytes per message, rounded down to whole pages; as much as fits by default");
  command.add_flag("--force", force, "replace an existing output directory");
  command.add_flag("--json", session.json, "one JSON object");
  executor.add_to(command);
}

Status TransferFlags::fill(const Session& session, recover::TransferRequest& request) const {
  request.source = source;
  request.output = output;
  if (!carrier.empty()) {
    auto bytes = file_bytes(carrier);
    if (!bytes) return fail(std::move(bytes).error().in(carrier));
    request.carrier = std::move(*bytes);
  }
  request.overwrite = force ? Overwrite::kYes : Overwrite::kNo;
  CANREC_TRY(request.executor, executor.options(session, nullptr));
  request.transfer.chunk_bytes = chunk;
  request.transfer.interrupt = &session.interrupt();
  return Ok{};
}

}  // namespace canrec::cli
