// SPDX-License-Identifier: Apache-2.0
// Errors to exit statuses.
#include "cli/exit_code.h"

#include <fmt/core.h>

namespace canrec::cli {

ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::kBadArgument:
    case Errc::kPatchSite:
      return ExitCode::kUsage;
    case Errc::kNotFound:
    case Errc::kIo:
    case Errc::kExists:
    case Errc::kNoSpace:
    case Errc::kPermission:
    case Errc::kLocked:
      return ExitCode::kSystem;
    case Errc::kHashMismatch:
    case Errc::kStoreDamaged:
    case Errc::kPatchPlan:
    case Errc::kPatchProof:
    case Errc::kVerification:
      return ExitCode::kVerification;
    case Errc::kEngine:
    case Errc::kTrapped:
    case Errc::kRejected:
    case Errc::kInstallRefused:
    case Errc::kNoMethod:
    case Errc::kMessageLimit:
      return ExitCode::kTrapped;
    case Errc::kGenerate:
      return ExitCode::kInternal;
    case Errc::kInterrupted:
      return ExitCode::kInterrupted;
    default:
      return ExitCode::kMalformed;
  }
}

std::string exit_status_help() {
  std::string out = "EXIT STATUS\n";
#define EXIT(name, number, words) out += fmt::format("  {:<4} {}\n", number, words);
#include "cli/exit_codes.def"
#undef EXIT
  return out;
}

}  // namespace canrec::cli
