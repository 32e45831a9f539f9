// SPDX-License-Identifier: Apache-2.0
// Files in front of messages.
#include "base/named_error.h"

#include <fmt/core.h>

namespace canrec {

bool names_file(const Error& error, std::string_view file) {
  if (error.offset()) return false;
  while (file.size() > 1 && file.ends_with('/')) file.remove_suffix(1);
  const std::string_view message = error.message();
  if (message.starts_with(file) && message.substr(file.size()).starts_with(':')) return true;
  switch (error.code()) {
    case Errc::kExists:  // "out exists; give --force to replace it", of whatever output
      if (message.find(" exists") != std::string_view::npos) return true;
      break;
    case Errc::kNotFound:
    case Errc::kIo:
    case Errc::kNoSpace:
    case Errc::kPermission:
    case Errc::kLocked:
      break;
    default:
      return false;
  }
  return message.starts_with(fmt::format("{} ", file)) ||
         message.find(fmt::format(" {}: ", file)) != std::string_view::npos;
}

Error in_file(Error error, std::string_view file) {
  if (names_file(error, file)) return error;
  const std::string place =
      error.offset() ? fmt::format("{}:0x{:08x}", file, *error.offset()) : std::string(file);
  return {error.code(), std::nullopt, fmt::format("{}: {}", place, error.message())};
}

}  // namespace canrec
