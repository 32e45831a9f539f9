// SPDX-License-Identifier: Apache-2.0
#pragma once

// Fills in a WAT template for one memory width and set of callers, and has Binaryen assemble,
// validate and shrink it. The templates are downloader.wat, uploader.wat and common.wat.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "ic/principal.h"

namespace canrec::downloader {

/// The width of the heap a canister is generated for.
enum class Width : uint8_t { k32, k64 };

/// Who may call a generated canister.
struct Access {
  enum class Kind : uint8_t { kControllers, kPrincipals, kAnyone };
  Kind kind = Kind::kControllers;
  std::vector<ic::Principal> principals;  ///< of kPrincipals
};

/// Longest range one reply can carry beside its header of at most 13 bytes, in bytes.
inline constexpr uint64_t kHeaderBytes = 13;
uint64_t query_limit();
uint64_t replicated_limit();

/// One nat64 field of an information record and the WAT expression (i64) that gives its value.
struct InfoField {
  std::string_view name;
  std::string expression;
};

/// What a template needs beside width and callers.
struct Recipe {
  std::string_view source;      ///< the template
  std::vector<InfoField> info;  ///< for %info-reply%
  std::string did;              ///< the interface, stored in the module
};

/// A generated canister.
struct Generated {
  Bytes module;     ///< with `icp:public candid:service` and the section that route K asks for
  std::string wat;  ///< the source that was assembled
  std::string did;
  uint64_t code_size = 0;  ///< bytes of the module before custom sections
};

/// Assembles a recipe. Deterministic: the same recipe gives the same bytes.
/// Errors: kBadArgument (an access list without principals), kGenerate (our bug: the result does
/// not
///         validate).
Result<Generated> assemble(const Recipe& recipe, Width width, const Access& access);

}  // namespace canrec::downloader
