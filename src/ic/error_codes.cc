// SPDX-License-Identifier: Apache-2.0
// Words of the network's errors.
#include "ic/error_codes.h"

#include <fmt/core.h>

#include "base/bytes.h"
#include "base/error.h"
#include "ic/limits.h"

namespace canrec::ic {
namespace {

constexpr std::string_view kToolchainHelp =
    "This is likely an error with the compiler/CDK toolchain being used to build the canister. "
    "Please report the error to IC devs on the forum: https://forum.dfinity.org and include which "
    "language/CDK was used to create the canister.";
constexpr std::string_view kDocumentation =
    "https://internetcomputer.org/docs/references/execution-errors";
constexpr std::string_view kEllipsis = "...";

bool starts_character(char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }

// Keeps both ends of a text and cuts between characters.
std::string shorten(std::string text) {
  const size_t limit = limits::kErrorDescriptionBytes;
  if (text.size() <= limit) return text;
  size_t head = (limit - kEllipsis.size()) / 2;
  size_t tail = text.size() - (limit - kEllipsis.size() - head);
  while (head > 0 && !starts_character(text[head])) --head;
  while (tail < text.size() && !starts_character(text[tail])) ++tail;
  return fmt::format("{}{}{}", std::string_view(text).substr(0, head), kEllipsis,
                     std::string_view(text).substr(tail));
}

}  // namespace

std::string_view reject_code_name(RejectCode code) {
  switch (code) {
    case RejectCode::kNone:
      return "NO_ERROR";
    case RejectCode::kSysFatal:
      return "SYS_FATAL";
    case RejectCode::kSysTransient:
      return "SYS_TRANSIENT";
    case RejectCode::kDestinationInvalid:
      return "DESTINATION_INVALID";
    case RejectCode::kCanisterReject:
      return "CANISTER_REJECT";
    case RejectCode::kCanisterError:
      return "CANISTER_ERROR";
    case RejectCode::kSysUnknown:
      return "SYS_UNKNOWN";
  }
  return "unknown";
}

std::string error_code_text(ErrorCode code) {
  return fmt::format("IC{:04}", static_cast<uint16_t>(code));
}

std::string_view trap_code_words(TrapCode code) {
  switch (code) {
#define TRAP_CODE(id, words) \
  case TrapCode::id:         \
    return words;
#include "ic/trap_codes.def"
#undef TRAP_CODE
  }
  return "unknown";
}

std::string execution_error_message(ExecutionError error, std::span<const std::string> arguments) {
  const std::string_view pattern = info(error).message;
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      out.push_back(pattern[i]);
      continue;
    }
    const size_t number = static_cast<size_t>(pattern[i + 1] - '0');
    CANREC_ASSERT(number < arguments.size());
    out += arguments[number];
    i += 2;  // the digit and the brace
  }
  return out;
}

std::string describe_execution_error(std::string_view canister_id, ExecutionError error,
                                     std::string_view message) {
  const ExecutionErrorInfo& row = info(error);
  std::string out = fmt::format("Error from Canister {}: {}", canister_id, message);
  if (row.help == ErrorHelp::kToolchain) out += fmt::format(".\n{}", kToolchainHelp);
  if (row.help == ErrorHelp::kUser && !row.suggestion.empty()) {
    out += fmt::format(".\n{} See documentation: {}", row.suggestion, kDocumentation);
    if (!row.anchor.empty()) out += fmt::format("#{}", row.anchor);
  }
  return shorten(std::move(out));
}

}  // namespace canrec::ic
