// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which file an error is about. A message has no file name (base/error.h) but where the system
// failed; who reads several files says which one it was.

#include <string_view>

#include "base/error.h"

namespace canrec {

/// Whether the message names the file already, as that of in_file does, and what the system says of
/// one: "open a.wasm: No such file or directory", "out exists; give --force to replace it".
bool names_file(const Error& error, std::string_view file);

/// The error as one of this file: "a.wasm:0x0000002d: section size past end". The offset is in the
/// message then. Unchanged when the message names the file already.
Error in_file(Error error, std::string_view file);

/// Gives the error of a result, if it is one, its file.
template <typename T>
Result<T> in_file(Result<T> result, std::string_view file) {
  if (result) return result;
  return fail(in_file(std::move(result).error(), file));
}

}  // namespace canrec
