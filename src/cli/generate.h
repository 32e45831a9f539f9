// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `canrec downloader` and `canrec uploader` share: choosing the width, the callers, the
// output.

#include <string>

#include "cli/session.h"
#include "downloader/assemble.h"

namespace canrec::cli {

/// A command that writes one generated canister.
struct Generator {
  const char* name;         ///< of the command and the default subject of messages
  const char* description;  ///< for --help
  const char* anyone;       ///< what --allow anyone means while it is installed
  const char* next;         ///< what to do with the module, printed after it was written
  Result<downloader::Generated> (*make)(downloader::Width, const downloader::Access&);
};

void add_generator(CLI::App& app, Session& session, const Generator& generator);

/// "controllers", "anyone", or principals with commas between. Errors: kBadArgument.
Result<downloader::Access> parse_access(const std::string& text);

}  // namespace canrec::cli
