// SPDX-License-Identifier: Apache-2.0
#pragma once

// The reader of `.did` files.
// Source: https://github.com/dfinity/candid/blob/master/spec/Candid.md#core-grammar

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "candid/lexer.h"
#include "candid/types.h"

namespace canrec::candid {

/// Levels of types inside types in a text. Reason: the parser recurses once a level.
inline constexpr uint32_t kMaxTextDepth = 512;
/// Files one program may import. Reason: a loader that makes up files must come to an end.
inline constexpr size_t kMaxImports = 1000;

/// What an import names: `key` is the same for the same file however it is reached.
struct ImportedFile {
  std::string key;
  std::string text;
};
/// Finds the file that `path` means inside the file `importing` (the empty key is the main file).
using ImportLoader =
    std::function<Result<ImportedFile>(std::string_view importing, std::string_view path)>;

/// Reads a `.did` file with everything it imports.
///
/// Shape:   without a loader, import lines are passed over, as is done for text that comes from a
///          module; the names they would have brought are then undefined.
/// Errors:  kCandidSyntax, kCandidType (undefined or repeated names, repeated labels, aliases that
///          lead nowhere, methods that are no functions), kUtf8, kLimit, and what the loader says;
///          the message begins with line and column, the offset counts from the start of the file.
Result<Program> parse_program(std::string_view text, const ImportLoader& loader = {});

/// Reads the section `candid:args`: definitions, then a tuple of types. Its tuple may use names of
/// `service` (the text of `candid:service`) where one is given.
Result<TypeTuple> parse_type_tuple(std::string_view text, const Program* service = nullptr);

/// Reads one type that uses no names, as annotations of values do; nodes are added to `env`.
Result<TypeIdx> parse_plain_type(Tokens& tokens, TypeEnv& env);

}  // namespace canrec::candid
