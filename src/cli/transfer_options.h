// SPDX-License-Identifier: Apache-2.0
#pragma once

// The options that pull and push share.

#include <string>

#include "cli/executor_options.h"
#include "recover/transfer_flow.h"

namespace canrec::cli {

struct TransferFlags {
  std::string source;
  std::string output;
  std::string carrier;
  uint64_t chunk = 0;
  bool force = false;
  ExecutorOptions executor;

  /// Adds them; `carrier_name` is "downloader" or "uploader". The positional source is the
  /// command's own.
  void add_to(CLI::App& command, Session& session, const std::string& carrier_name);
  /// Puts them into a request. Errors: kBadArgument, those of reading the carrier.
  Status fill(const Session& session, recover::TransferRequest& request) const;
};

}  // namespace canrec::cli
